/**
 * rules/compile: a checked rule as it is written becomes the Rule that the core decides by. Pure,
 * and never fails on what the schema has passed.
 */
export { compileLimits } from './limits.ts';
export { compileRule, ruleId } from './rule.ts';
export { compileFieldMatch } from './tests.ts';
