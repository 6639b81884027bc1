import {
  type Mistake,
  mistakeAt,
  unknownKind,
  validateDocument,
  type YamlDocument,
} from '../../base/index.ts';
import type { Rule } from '../rule.ts';
import { runRuleTest, type TestFailure } from './run-test.ts';
import { RULE_TEST_KIND, type RuleTestDocument, ruleTestSchema } from './schema.ts';

/** One test, and all that was not as expected. */
export interface RanTest {
  name: string;
  failures: readonly FailedExpectation[];
}

export interface FailedExpectation {
  /** Says what was expected, with its place. */
  mistake: Mistake;
  /** What was decided instead, for people. */
  got: readonly string[];
}

/** The tests of one document. */
export interface RuleTests {
  /** Rule files as they are named in it, from where it lies; absent = those of its own name. */
  rules?: readonly string[];
  /** Runs them all. */
  run(rules: readonly Rule[]): RanTest[];
}

/** Checks a document of kind RuleTest. */
export function ruleTestsFromDocument(
  document: YamlDocument,
): { ok: true; tests: RuleTests } | { ok: false; mistakes: readonly Mistake[] } {
  if (document.kind !== RULE_TEST_KIND) {
    return { ok: false, mistakes: [unknownKind(document, [RULE_TEST_KIND])] };
  }
  const checked = validateDocument<RuleTestDocument>(document, ruleTestSchema);
  if (!checked.ok) return checked;
  const given = checked.value;
  return {
    ok: true,
    tests: {
      ...(given.rules ? { rules: given.rules } : {}),
      run: (rules) =>
        given.tests.map((test, index) => {
          const { name, failures } = runRuleTest(rules, given, test);
          const path = ['tests', index, 'steps'];
          return { name, failures: failures.map((one) => failureOf(document, path, one)) };
        }),
    },
  };
}

function failureOf(
  document: YamlDocument,
  path: readonly (string | number)[],
  { step, expected, message, got }: TestFailure,
): FailedExpectation {
  const at = [...path, step, ...(expected === undefined ? ['at'] : ['expect', expected])];
  return { mistake: mistakeAt(document, at, { message }), got };
}
