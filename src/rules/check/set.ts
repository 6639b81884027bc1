import { globMatches, type Mistake, mistakeAt, type YamlDocument } from '../../base/index.ts';
import { ruleId } from '../compile/index.ts';
import type { GivenRule } from '../schema/index.ts';

/** A checked rule and where it was written. */
export interface WrittenRule {
  document: YamlDocument;
  given: GivenRule;
}

/** With how many of the widest rules of its condition each rule is compared. */
const COMPARED_MAX = 50;

/**
 * Rules that add nothing to another one: the same condition and limits, and every target of theirs
 * is one of the other's too. Both fire, and one capture comes of it.
 */
export function checkSet(rules: readonly WrittenRule[]): Mistake[] {
  const alike = new Map<string, Comparable[]>();
  for (const rule of rules) {
    if (!rule.given.spec.enabled) continue;
    const { key, ...comparable } = comparableOf(rule);
    const same = alike.get(key) ?? [];
    same.push(comparable);
    alike.set(key, same);
  }
  return [...alike.values()].flatMap((group) => {
    const widest = [...group].sort((a, b) => a.asks - b.asks).slice(0, COMPARED_MAX);
    return group.flatMap((one) => {
      const wider = widest.find((other) => other !== one && addsNothing(one, other));
      return wider ? [told(one.rule, wider.rule)] : [];
    });
  });
}

interface Comparable {
  rule: WrittenRule;
  order: number;
  /** How much the target asks for: the less, the wider. */
  asks: number;
  namespaces: readonly string[];
  labels: readonly string[];
  /** The other parts of the target, as they are written; equal or not. */
  rest: string;
}

/** Rules of one `key` may be compared at all. */
function comparableOf(rule: WrittenRule): Comparable & { key: string } {
  const { metadata, spec } = rule.given;
  const { description: _text, target, priority: _first, retain: _class, ...decisive } = spec;
  const { namespaces, podSelector, ...rest } = target;
  const { matchLabels, matchExpressions } = podSelector;
  const labels = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map((expression) => JSON.stringify(expression)),
  ];
  const wanted = metadata.namespace === undefined ? namespaces : [metadata.namespace];
  return {
    key: JSON.stringify(decisive),
    rule,
    order: rule.document.place([]).line,
    asks: labels.length + (wanted.length > 0 ? 1 : 0),
    namespaces: wanted,
    labels,
    rest: JSON.stringify(rest),
  };
}

/** Of two that are equal, the later one adds nothing. */
function addsNothing(one: Comparable, other: Comparable): boolean {
  if (!isWithin(one, other)) return false;
  return !isWithin(other, one) || isLater(one, other);
}

function isLater(one: Comparable, other: Comparable): boolean {
  const { file } = one.rule.document;
  const { file: otherFile } = other.rule.document;
  return file === otherFile ? one.order > other.order : file > otherFile;
}

function isWithin(one: Comparable, other: Comparable): boolean {
  if (one.rest !== other.rest || !other.labels.every((label) => one.labels.includes(label))) {
    return false;
  }
  if (other.namespaces.length === 0) return true;
  return one.namespaces.length > 0 && one.namespaces.every((name) => covers(other, name));
}

/** `name` may be a glob itself; `?` against `?` is left undecided. */
function covers({ namespaces }: Comparable, name: string): boolean {
  const isGlob = /[*?]/.test(name);
  return namespaces.some(
    (glob) => glob === name || (!(isGlob && glob.includes('?')) && globMatches(glob, name)),
  );
}

function told({ document }: WrittenRule, wider: WrittenRule): Mistake {
  const path = ['metadata', 'name'];
  const message =
    `adds nothing to the rule ${ruleId(wider.given.metadata)}, which has the same condition and ` +
    'limits and reaches every target of this one; one capture comes of both';
  return mistakeAt(document, path, {
    message,
    other: { ...wider.document.place(path), note: 'that one' },
  });
}
