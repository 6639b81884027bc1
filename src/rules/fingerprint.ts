import { createHash } from 'node:crypto';
import type { Rule } from './rule.ts';

/** A rule never changes, and each save and each reload asks for those of all rules. */
const known = new WeakMap<Rule, string>();

/**
 * Equal for two rules that decide alike: condition, target and where. State that was gathered
 * under one holds for the other; a new description or retention class changes nothing.
 */
export function ruleFingerprint(rule: Rule): string {
  const fingerprint = known.get(rule) ?? workOut(rule);
  known.set(rule, fingerprint);
  return fingerprint;
}

function workOut(rule: Rule): string {
  // Compiled tests are functions, which JSON leaves out; their `text` stands for them.
  const { namespace = null, when, target, where } = rule;
  const decisive = JSON.stringify([namespace, when, target, ...(where ? [where.text] : [])]);
  return createHash('sha256').update(decisive).digest('hex').slice(0, 16);
}
