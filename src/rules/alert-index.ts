import type { AlertSignal } from '../signal/index.ts';
import type { RuleOf } from './rule.ts';

type AlertRule = RuleOf<'alert'>;

/**
 * Alert rules by a value, or the beginning of a value, that a field must have, so that an alert
 * meets only those that may want it. Made once for a set of rules.
 */
export interface AlertIndex {
  readonly byField: readonly FieldIndex[];
  /** Rules without such a test. */
  readonly others: readonly AlertRule[];
  readonly order: ReadonlyMap<AlertRule, number>;
}

interface FieldIndex {
  field: string;
  byValue: ReadonlyMap<unknown, readonly AlertRule[]>;
  byPrefix: ReadonlyMap<string, readonly AlertRule[]>;
  /** The lengths of these prefixes. */
  prefixChars: readonly number[];
}

/** Few lengths, so that a value is looked up a few times only; what is longer is cut. */
const PREFIX_CHARS = [32, 16, 8, 4, 1] as const;

export function createAlertIndex(rules: readonly AlertRule[]): AlertIndex {
  const fields = new Map<
    string,
    { values: Map<unknown, AlertRule[]>; prefixes: Map<string, AlertRule[]> }
  >();
  const others: AlertRule[] = [];
  for (const rule of rules) {
    const key = keyOf(rule);
    if (!key) {
      others.push(rule);
      continue;
    }
    const ofField = fields.get(key.field) ?? { values: new Map(), prefixes: new Map() };
    fields.set(key.field, ofField);
    for (const value of key.values) add(ofField.values, value, rule);
    if (key.prefix !== '') add(ofField.prefixes, key.prefix, rule);
  }
  const byField = [...fields].map(([field, { values, prefixes }]) => {
    const lengths = new Set([...prefixes.keys()].map((prefix) => prefix.length));
    return { field, byValue: values, byPrefix: prefixes, prefixChars: [...lengths] };
  });
  return { byField, others, order: new Map(rules.map((rule, index) => [rule, index])) };
}

/** The rules that may want the alert, in the order of the set. */
export function rulesForAlert(index: AlertIndex, { fields }: AlertSignal): AlertRule[] {
  const found = new Set(index.others);
  for (const { field, byValue, byPrefix, prefixChars } of index.byField) {
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    for (const rule of byValue.get(value) ?? []) found.add(rule);
    if (prefixChars.length === 0 || value === undefined || value === null) continue;
    const text = String(value);
    for (const chars of prefixChars) {
      for (const rule of byPrefix.get(text.slice(0, chars)) ?? []) found.add(rule);
    }
  }
  const place = (rule: AlertRule) => index.order.get(rule) ?? 0;
  return [...found].sort((a, b) => place(a) - place(b));
}

interface Key {
  field: string;
  values: readonly unknown[];
  prefix: string;
}

/** The most telling test: one of values goes before one of a beginning, the longest first. */
function keyOf({ when }: AlertRule): Key | undefined {
  const keys = when.match.flatMap(({ field, needs }): Key[] => {
    if (!needs) return [];
    return [
      'values' in needs
        ? { field, values: needs.values, prefix: '' }
        : { field, values: [], prefix: cut(needs.prefix) },
    ];
  });
  const byValue = keys.find(({ values }) => values.length > 0);
  return byValue ?? keys.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function cut(prefix: string): string {
  const chars = PREFIX_CHARS.find((length) => length <= prefix.length) ?? 0;
  return prefix.slice(0, chars);
}

function add<Key>(map: Map<Key, AlertRule[]>, key: Key, rule: AlertRule): void {
  const same = map.get(key);
  if (same) same.push(rule);
  else map.set(key, [rule]);
}
