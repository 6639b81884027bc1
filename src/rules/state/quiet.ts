import type { ReasonCode } from '../../signal/index.ts';
import type { Rule } from '../rule.ts';

/**
 * What was suppressed without a decision, by rule and reason. Rules that an index leaves out are
 * counted as a group, so that a signal costs nothing for those that it does not meet.
 */
export interface QuietCounts {
  byRule: Map<string, Map<ReasonCode, number>>;
  groups: Map<readonly Rule[], Group>;
}

/** Signals that were not for all of the rules: each counts for all but those that were met. */
interface Group {
  reason: ReasonCode;
  signals: number;
  /** By rule id: how many of the signals met it. */
  met: Map<string, number>;
}

export function createQuietCounts(): QuietCounts {
  return { byRule: new Map(), groups: new Map() };
}

/** Counts one signal for one rule. */
export function addQuiet(
  { byRule }: QuietCounts,
  rule: string,
  reason: ReasonCode,
  count = 1,
): void {
  let ofRule = byRule.get(rule);
  if (!ofRule) {
    ofRule = new Map();
    byRule.set(rule, ofRule);
  }
  ofRule.set(reason, (ofRule.get(reason) ?? 0) + count);
}

/**
 * Counts one signal for all of `rules` but those that it met. The list is known by its identity
 * and belongs to one set of rules; one list has one reason.
 */
export function addQuietOthers(
  { groups }: QuietCounts,
  rules: readonly Rule[],
  met: readonly Rule[],
  reason: ReasonCode,
): void {
  if (rules.length === met.length) return;
  let group = groups.get(rules);
  if (!group) {
    group = { reason, signals: 0, met: new Map() };
    groups.set(rules, group);
  }
  group.signals++;
  for (const { id } of met) group.met.set(id, (group.met.get(id) ?? 0) + 1);
}

/** All counts, rule by rule. */
export function quietByRule(counts: QuietCounts): Map<string, Map<ReasonCode, number>> {
  const all = createQuietCounts();
  for (const [rules, { reason, signals, met }] of counts.groups) {
    for (const { id } of rules) {
      const count = signals - (met.get(id) ?? 0);
      if (count > 0) addQuiet(all, id, reason, count);
    }
  }
  for (const [rule, reasons] of counts.byRule) {
    for (const [reason, count] of reasons) addQuiet(all, rule, reason, count);
  }
  return all.byRule;
}
