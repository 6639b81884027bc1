import { globMatches } from '../base/index.ts';
import type { ContainerFact, PodFact } from '../signal/index.ts';
import type { LabelExpression, Rule, TargetSelector } from './rule.ts';

/** Whether the rule reaches the pod: its own namespace, namespace globs, labels. */
export function selectsPod(rule: Rule, pod: PodFact): boolean {
  if (rule.namespace !== undefined && rule.namespace !== pod.namespace) return false;
  const { namespaces, matchLabels, matchExpressions } = rule.target;
  if (namespaces.length > 0 && !namespaces.some((glob) => globMatches(glob, pod.namespace))) {
    return false;
  }
  for (const [key, value] of Object.entries(matchLabels)) {
    if (labelOf(pod, key) !== value) return false;
  }
  return matchExpressions.every((expression) => expressionHolds(expression, pod));
}

/** Whether the rule reaches a container of a pod that it reaches. */
export function selectsContainer({ containers }: TargetSelector, one: ContainerFact): boolean {
  if (containers.length === 0) return one.type === 'app' || one.type === 'sidecar';
  return containers.some((glob) => globMatches(glob, one.name));
}

/** As Kubernetes does: NotIn and DoesNotExist also hold where the label is missing. */
function expressionHolds({ key, operator, values }: LabelExpression, pod: PodFact): boolean {
  const value = labelOf(pod, key);
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
