import {
  type ContainerFact,
  isRunning,
  type Owner,
  type PodFact,
} from '../../../src/signal/index.ts';
import type { PlainRule, PlainSelector } from './plain-rule.ts';

/** Whether the rule reaches the container, as rules/README.md has it for spec.target. */
export function reaches(rule: PlainRule, pod: PodFact, container: ContainerFact): boolean {
  return reachesPodOf(rule, pod) && reachesName(rule, container);
}

export function reachesPodOf({ namespace, target }: PlainRule, pod: PodFact): boolean {
  if (namespace !== undefined && pod.namespace !== namespace) return false;
  if (target.namespaces && !anyGlob(target.namespaces, pod.namespace)) return false;
  if (target.podSelector && !selectorHolds(target.podSelector, pod)) return false;
  if (target.owner && !ownedBy(target.owner, pod)) return false;
  const { exclude } = target;
  if (exclude?.namespaces && anyGlob(exclude.namespaces, pod.namespace)) return false;
  if (exclude?.podSelector && selectorHolds(exclude.podSelector, pod)) return false;
  // While nobody knows who stands behind the pod, it may be the one that is excluded.
  if (exclude?.owner && (!pod.topOwner || ownedBy(exclude.owner, pod))) return false;
  return true;
}

function reachesName({ target }: PlainRule, { name, type }: ContainerFact): boolean {
  const { containers, containerTypes, exclude } = target;
  if (exclude?.containers && anyGlob(exclude.containers, name)) return false;
  if (containers && !anyGlob(containers, name)) return false;
  if (containerTypes) return containerTypes.includes(type);
  return containers !== undefined || type === 'app' || type === 'sidecar';
}

function anyGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) =>
    glob.endsWith('*') ? name.startsWith(glob.slice(0, -1)) : name === glob,
  );
}

function ownedBy({ kind, name }: Owner, { owner, topOwner }: PodFact): boolean {
  return [owner, topOwner].some((one) => one?.kind === kind && anyGlob([name], one.name));
}

function selectorHolds({ matchLabels, matchExpressions }: PlainSelector, pod: PodFact): boolean {
  for (const [key, value] of Object.entries(matchLabels ?? {})) {
    if (pod.labels[key] !== value) return false;
  }
  for (const { key, operator, values = [] } of matchExpressions ?? []) {
    const value = pod.labels[key];
    if (operator === 'In' && (value === undefined || !values.includes(value))) return false;
    if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false;
    if (operator === 'Exists' && value === undefined) return false;
    if (operator === 'DoesNotExist' && value !== undefined) return false;
  }
  return true;
}

/** Why the container cannot be captured now, whatever the rule. */
export function hindrance(
  pod: PodFact,
  container: ContainerFact,
): 'denied' | 'not-running' | undefined {
  if (isDenied(pod)) return 'denied';
  return isRunning(container) ? undefined : 'not-running';
}

/** Of the deny list what the streams make use of. */
export function isDenied({ uid, namespace, isStatic, labels, hostNetwork }: PodFact): boolean {
  if (uid === 'own-pod' || namespace === 'kube-system' || isStatic) return true;
  if (labels['app.kubernetes.io/name'] === 'stillpoint') return true;
  return hostNetwork && labels['k8s-app'] === 'kube-proxy';
}
