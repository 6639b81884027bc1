import type { ContainerFact, PodFact } from '../../signal/index.ts';
import type { LabelSelector, OwnerSelector, Rule } from '../rule.ts';
import { containerMiss, expressionHolds, type Miss, podMiss } from '../select.ts';
import { part, type TrailPart } from '../trail.ts';

/** The part of the target that keeps the rule from the container; undefined = it reaches it. */
export function missPart(
  rule: Rule,
  pod: PodFact,
  container: ContainerFact,
): TrailPart | undefined {
  const miss = podMiss(rule, pod) ?? containerMiss(rule.target, container);
  if (miss === undefined) return undefined;
  const { saw, wants } = describe(miss, rule, pod, container);
  return part(miss, false, saw, wants);
}

function describe(
  miss: Miss,
  { namespace = '', target }: Rule,
  pod: PodFact,
  container: ContainerFact,
): { saw: string; wants?: string } {
  const { exclude } = target;
  switch (miss) {
    case 'metadata.namespace':
      return { saw: pod.namespace, wants: namespace };
    case 'target.namespaces':
      return { saw: pod.namespace, wants: target.namespaces.join(', ') };
    case 'target.podSelector':
      return labelMiss(target, pod);
    case 'target.owner':
      return { saw: ownerText(pod), wants: selectorText(target.owner) };
    case 'target.containers':
      return { saw: container.name, wants: target.containers.join(', ') };
    case 'target.containerTypes': {
      const types = target.containerTypes ?? ['app', 'sidecar'];
      return { saw: container.type, wants: types.join(', ') };
    }
    case 'target.exclude.namespaces':
      return { saw: pod.namespace, wants: `none of ${exclude?.namespaces.join(', ')}` };
    case 'target.exclude.podSelector':
      return { saw: 'its labels fit the exclusion' };
    case 'target.exclude.owner': {
      const saw = pod.topOwner ? ownerText(pod) : `${ownerText(pod)}; whose that is is not known`;
      return { saw, wants: `not ${selectorText(exclude?.owner)}` };
    }
    case 'target.exclude.containers':
      return { saw: container.name, wants: `none of ${exclude?.containers.join(', ')}` };
  }
}

/** The first label that is not as it is asked for. */
function labelMiss({ matchLabels, matchExpressions }: LabelSelector, pod: PodFact) {
  for (const [key, wanted] of Object.entries(matchLabels)) {
    const value = labelOf(pod, key);
    if (value !== wanted) return { saw: labelText(key, value), wants: `${key}=${wanted}` };
  }
  const failing = matchExpressions.find((one) => !expressionHolds(one, labelOf(pod, one.key)));
  if (!failing) return { saw: 'its labels' };
  const { key, operator, values } = failing;
  const wants = [key, operator, ...(values.length > 0 ? [values.join(', ')] : [])].join(' ');
  return { saw: labelText(key, labelOf(pod, key)), wants };
}

function labelOf(pod: PodFact, key: string): string | undefined {
  return Object.hasOwn(pod.labels, key) ? pod.labels[key] : undefined;
}

function labelText(key: string, value: string | undefined): string {
  return value === undefined ? `no label ${key}` : `${key}=${value}`;
}

function ownerText({ owner, topOwner, name }: PodFact): string {
  const known = [topOwner, owner].filter((one) => one !== undefined);
  const texts = known.map((one) => `${one.kind}/${one.name}`);
  return texts.length === 0 ? `Pod/${name}` : [...new Set(texts)].join(' of ');
}

function selectorText(owner: OwnerSelector | undefined): string {
  return owner ? `${owner.kind}/${owner.name}` : '';
}
