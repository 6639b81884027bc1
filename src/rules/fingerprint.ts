import { createHash } from 'node:crypto';
import type { Rule } from './rule.ts';

/**
 * Equal for two rules that decide alike: condition, target and where. State that was gathered under one
 * holds for the other; a new description or retention class changes nothing.
 */
export function ruleFingerprint(rule: Rule): string {
  // Compiled tests are functions, which JSON leaves out; their `text` stands for them.
  const { namespace = null, when, target, where } = rule;
  const decisive = JSON.stringify([namespace, when, target, ...(where ? [where.text] : [])]);
  return createHash('sha256').update(decisive).digest('hex').slice(0, 16);
}
