/**
 * rules/testing: tests of rules in YAML: a timetable of pods and signals, and what is to be decided
 * when. It runs the core that the agent runs, and reads no file.
 */
export {
  type FailedExpectation,
  type RanTest,
  type RuleTests,
  ruleTestsFromDocument,
} from './load.ts';
export { RULE_TEST_KIND, ruleTestSchema } from './schema.ts';
