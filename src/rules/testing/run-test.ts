import { formatDuration } from '../../base/index.ts';
import { describeTarget, type Signal } from '../../signal/index.ts';
import { createRulesCore } from '../core.ts';
import type { Decision } from '../decision.ts';
import { createDenyList } from '../deny.ts';
import { createOwnTime } from '../recording/own-time.ts';
import type { Rule } from '../rule.ts';
import { createRulesState } from '../state/state.ts';
import { step } from '../step.ts';
import type { Expected, RuleTest, RuleTestDocument } from './schema.ts';
import { createTestWorld } from './world.ts';

/** What is not as it was expected, and where in the test it stands. */
export interface TestFailure {
  /** Index into the steps. */
  step: number;
  /** Index into what the step expects; absent for the step as a whole. */
  expected?: number;
  message: string;
  /** What was decided at that step, for people. */
  got: readonly string[];
}

export interface TestOutcome {
  name: string;
  failures: readonly TestFailure[];
}

/** Runs one test on the clock of its timetable, from nothing. Pure. */
export function runRuleTest(
  rules: readonly Rule[],
  document: RuleTestDocument,
  test: RuleTest,
): TestOutcome {
  const startMs = Date.parse(document.start);
  const { node: nodeName, mode } = document;
  const core = createRulesCore(rules, { nodeName, mode, denyList: createDenyList() });
  const state = createRulesState();
  const world = createTestWorld(nodeName);
  const ownTime = createOwnTime(rules);
  const failures: TestFailure[] = [];
  let made: Decision[] = [];
  const give = (signal: Signal) => {
    made.push(...step(core, state, signal, signal.seenMs).decisions);
  };
  ownTime.begin(startMs);
  for (const signal of world.put([...document.pods, ...test.pods], startMs, true)) give(signal);
  let nowMs = 0;
  for (const [index, one] of test.steps.entries()) {
    if (one.at < nowMs) {
      const message = `is before the step above, which ends at ${formatDuration(nowMs)}`;
      failures.push({ step: index, message, got: [] });
      continue;
    }
    for (let time = 0; time < one.times; time++) {
      nowMs = one.at + time * one.every;
      ownTime.advance(state, startMs + nowMs, give);
      const signals = world.signalsOf(one, startMs + nowMs);
      if ('wrong' in signals) {
        failures.push({ step: index, message: signals.wrong, got: [] });
        break;
      }
      for (const signal of signals) give(signal);
      // What falls due at this very moment belongs to this step.
      ownTime.advance(state, startMs + nowMs, give);
    }
    failures.push(...judgeStep(made, one.expect, { step: index, startMs }));
    made = [];
  }
  return { name: test.name, failures };
}

/** Every expectation takes one decision; what fires, arms or observes and was not taken is too much. */
function judgeStep(
  made: readonly Decision[],
  expected: readonly (string | Expected)[],
  { step, startMs }: { step: number; startMs: number },
): TestFailure[] {
  const left = new Set(made);
  const got = made.map((one) => describe(one, startMs));
  const failures: TestFailure[] = [];
  for (const [index, given] of expected.entries()) {
    const wanted = expectedOf(given);
    const found = [...left].find((one) => fits(one, wanted, startMs));
    if (found) left.delete(found);
    else {
      const message = `expected ${describeExpected(wanted)}`;
      failures.push({ step, expected: index, message, got });
    }
  }
  for (const one of left) {
    if (one.verdict === 'suppress' && one.reason !== 'observed') continue;
    failures.push({ step, message: `not expected: ${describe(one, startMs)}`, got: [] });
  }
  return failures;
}

/** `rule` or `rule namespace/pod/container`: it fires. */
function expectedOf(given: string | Expected): Expected {
  if (typeof given !== 'string') return given;
  const [rule = '', target] = given.split(/\s+/);
  return target === undefined ? { rule } : { rule, target };
}

function fits(one: Decision, wanted: Expected, startMs: number): boolean {
  const verdict = wanted.verdict ?? (wanted.reason === undefined ? 'fire' : undefined);
  const target = one.target ? describeTarget(one.target) : '';
  return (
    one.rule === wanted.rule &&
    (verdict === undefined || one.verdict === verdict) &&
    (wanted.reason === undefined || one.reason === wanted.reason) &&
    (wanted.target === undefined || `${target}/`.startsWith(`${wanted.target}/`)) &&
    (wanted.detail === undefined || one.detail.includes(wanted.detail)) &&
    (wanted.at === undefined || one.atMs === startMs + wanted.at)
  );
}

function describeExpected({ rule, target, verdict, reason, detail, at }: Expected): string {
  return [
    rule,
    reason ?? verdict ?? 'fired',
    ...(target === undefined ? [] : [target]),
    ...(at === undefined ? [] : [`at ${clock(at)}`]),
    ...(detail === undefined ? [] : [`with "${detail}"`]),
  ].join(' ');
}

function describe({ rule, reason, target, atMs, detail }: Decision, startMs: number): string {
  const where = target ? ` ${describeTarget(target)}` : '';
  return `${rule} ${reason}${where} at ${clock(atMs - startMs)} (${detail})`;
}

function clock(ms: number): string {
  return ms === 0 ? '0s' : formatDuration(ms);
}
