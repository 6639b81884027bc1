/**
 * rules/check: what the schema of a rule cannot see: parts that are right each, but can never work
 * together, or probably not as meant. Pure; changes nothing and loads nothing.
 */
export { checkRule } from './rule.ts';
export { checkSet, type WrittenRule } from './set.ts';
export { checkWhere, usesWhere, whereMistakes } from './where.ts';
