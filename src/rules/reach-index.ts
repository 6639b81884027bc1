import type { Steps } from '../base/index.ts';
import type { PodFact } from '../signal/index.ts';
import type { Rule } from './rule.ts';
import { selectsPod } from './select.ts';

/**
 * Rules by what their target cannot do without, so that a pod meets only those that may reach it,
 * however many there are for others. Made once for a set of rules.
 */
export interface ReachIndex {
  /** By a label that the rule asks for: of its labels the one that the fewest rules ask for. */
  readonly byLabel: ReadonlyMap<string, ReadonlyMap<string, readonly Rule[]>>;
  /** Rules without a label, by the only namespaces that they reach. */
  readonly byNamespace: ReadonlyMap<string, readonly Rule[]>;
  /** Rules that ask for neither. */
  readonly others: readonly Rule[];
  /** Where each rule stands in the set. */
  readonly order: ReadonlyMap<Rule, number>;
}

/** In steps of one rule each. */
export function* reachIndexSteps(rules: readonly Rule[]): Steps<ReachIndex> {
  const asked = new Map<string, number>();
  for (const rule of rules) {
    yield;
    for (const label of labelsOf(rule)) asked.set(label.id, (asked.get(label.id) ?? 0) + 1);
  }
  const byLabel = new Map<string, Map<string, Rule[]>>();
  const byNamespace = new Map<string, Rule[]>();
  const others: Rule[] = [];
  for (const rule of rules) {
    yield;
    const times = ({ id }: Label) => asked.get(id) ?? 0;
    const [rarest] = labelsOf(rule).sort((a, b) => times(a) - times(b));
    const namespaces = namespacesOf(rule);
    if (rarest) {
      const ofKey = byLabel.get(rarest.key) ?? new Map<string, Rule[]>();
      byLabel.set(rarest.key, ofKey);
      add(ofKey, rarest.value, rule);
    } else if (namespaces) for (const name of namespaces) add(byNamespace, name, rule);
    else others.push(rule);
  }
  const order = new Map(rules.map((rule, index) => [rule, index]));
  return { byLabel, byNamespace, others, order };
}

/** The rules that reach the pod, in the order of the set. */
export function rulesReaching(index: ReachIndex, pod: PodFact): Rule[] {
  const found = index.others.filter((rule) => selectsPod(rule, pod));
  const take = (rules: readonly Rule[] | undefined) => {
    for (const rule of rules ?? []) if (selectsPod(rule, pod)) found.push(rule);
  };
  for (const [key, ofKey] of index.byLabel) {
    if (Object.hasOwn(pod.labels, key)) take(ofKey.get(pod.labels[key] ?? ''));
  }
  take(index.byNamespace.get(pod.namespace));
  const place = (rule: Rule) => index.order.get(rule) ?? 0;
  return found.sort((a, b) => place(a) - place(b));
}

interface Label {
  id: string;
  key: string;
  value: string;
}

/** The labels that a pod must have for the rule to reach it. */
function labelsOf({ target }: Rule): Label[] {
  return Object.entries(target.matchLabels).map(([key, value]) => {
    return { id: `${key}=${value}`, key, value };
  });
}

/** Undefined for a rule with globs, or for all namespaces. */
function namespacesOf({ namespace, target }: Rule): ReadonlySet<string> | undefined {
  if (namespace !== undefined) return new Set([namespace]);
  const { namespaces } = target;
  const areNames = namespaces.length > 0 && !namespaces.some((name) => /[*?]/.test(name));
  return areNames ? new Set(namespaces) : undefined;
}

function add<Key>(map: Map<Key, Rule[]>, key: Key, rule: Rule): void {
  const same = map.get(key);
  if (same) same.push(rule);
  else map.set(key, [rule]);
}
