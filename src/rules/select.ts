import { globMatches } from '../base/index.ts';
import type { ContainerFact, Owner, PodFact } from '../signal/index.ts';
import type {
  LabelExpression,
  LabelSelector,
  OwnerSelector,
  Rule,
  TargetSelector,
} from './rule.ts';

/** A part of `target` that a pod or container does not fit; the words of the YAML. */
export type Miss =
  | 'metadata.namespace'
  | 'target.namespaces'
  | 'target.podSelector'
  | 'target.owner'
  | 'target.containers'
  | 'target.containerTypes'
  | 'target.exclude.namespaces'
  | 'target.exclude.podSelector'
  | 'target.exclude.owner'
  | 'target.exclude.containers';

/** Whether the rule reaches the pod. */
export function selectsPod(rule: Rule, pod: PodFact): boolean {
  return podMiss(rule, pod) === undefined;
}

/** Whether the rule reaches a container of a pod that it reaches. */
export function selectsContainer(target: TargetSelector, one: ContainerFact): boolean {
  return containerMiss(target, one) === undefined;
}

/**
 * The first part of the target that keeps the rule from the pod: its own namespace, namespace
 * globs, labels, owner, exclusions. Undefined = it reaches the pod.
 */
export function podMiss({ namespace, target }: Rule, pod: PodFact): Miss | undefined {
  if (namespace !== undefined && namespace !== pod.namespace) return 'metadata.namespace';
  const { namespaces, owner, exclude } = target;
  if (namespaces.length > 0 && !matchesAny(namespaces, pod.namespace)) return 'target.namespaces';
  if (!labelsHold(target, pod)) return 'target.podSelector';
  if (owner && !owners(pod).some((one) => ownerMatches(owner, one))) return 'target.owner';
  if (!exclude) return undefined;
  if (matchesAny(exclude.namespaces, pod.namespace)) return 'target.exclude.namespaces';
  if (exclude.labels && labelsHold(exclude.labels, pod)) return 'target.exclude.podSelector';
  if (exclude.owner && mayBeOwnedBy(exclude.owner, pod)) return 'target.exclude.owner';
  return undefined;
}

/** The part that keeps the rule from a container of a pod that it reaches. */
export function containerMiss(target: TargetSelector, one: ContainerFact): Miss | undefined {
  const { containers, containerTypes, exclude } = target;
  if (containers.length > 0 && !matchesAny(containers, one.name)) return 'target.containers';
  const types = containerTypes ?? (containers.length > 0 ? undefined : STANDARD_TYPES);
  if (types && !types.includes(one.type)) return 'target.containerTypes';
  if (exclude && matchesAny(exclude.containers, one.name)) return 'target.exclude.containers';
  return undefined;
}

/** What is meant where neither names nor types are given. */
const STANDARD_TYPES: readonly ContainerFact['type'][] = ['app', 'sidecar'];

function matchesAny(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => globMatches(glob, name));
}

/** The direct owner and who stands behind it, as far as they are known. */
function owners({ owner, topOwner }: PodFact): Owner[] {
  return [topOwner, owner].filter((one) => one !== undefined);
}

function ownerMatches(selector: OwnerSelector, owner: Owner): boolean {
  return selector.kind === owner.kind && globMatches(selector.name, owner.name);
}

/** In doubt a pod is excluded: who stands behind its owner may be the one that was meant. */
function mayBeOwnedBy(selector: OwnerSelector, pod: PodFact): boolean {
  return pod.topOwner === undefined || owners(pod).some((one) => ownerMatches(selector, one));
}

function labelsHold({ matchLabels, matchExpressions }: LabelSelector, pod: PodFact): boolean {
  for (const key in matchLabels) {
    if (labelOf(pod, key) !== matchLabels[key]) return false;
  }
  return matchExpressions.every((expression) =>
    expressionHolds(expression, labelOf(pod, expression.key)),
  );
}

/** As Kubernetes does: NotIn and DoesNotExist also hold where the label is missing. */
export function expressionHolds(
  { operator, values }: LabelExpression,
  value: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function labelOf(pod: PodFact, key: string): string | undefined {
  return Object.hasOwn(pod.labels, key) ? pod.labels[key] : undefined;
}
