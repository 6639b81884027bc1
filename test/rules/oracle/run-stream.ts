import { createRandom, type Random } from '../../../src/base/index.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  type Decision,
  type RulesCore,
  type RulesState,
  step,
} from '../../../src/rules/index.ts';
import { rulesOf } from '../support/bench.ts';
import { createOracle, type OracleOptions } from './oracle.ts';
import { chance, pick } from './pick.ts';
import { idOf, type PlainRule, specsOf } from './plain-rule.ts';
import { randomBudget, randomRules } from './random-rules.ts';
import { randomStream, type Timed } from './random-stream.ts';
import type { PlainDecision } from './world.ts';

/** A set of rules, as the oracle and as the core have it. */
export interface RuleSet {
  plain: PlainRule[];
  core: RulesCore;
  options: OracleOptions;
}

/** So many streams share a set of rules: to load one takes longer than to run a stream. */
const STREAMS_PER_SET = 10;
const LENGTH = 80;

export function ruleSetOf(stream: number): RuleSet {
  const random = createRandom(Math.floor(stream / STREAMS_PER_SET) * 7_919 + 1);
  const plain = randomRules(random);
  const options = randomOptions(random);
  const { mode, defaults } = options;
  const core = createRulesCore(rulesOf(specsOf(plain)), {
    nodeName: 'node-1',
    denyList: createDenyList({ podUid: 'own-pod' }),
    mode,
    limits: defaults,
  });
  return { plain, core, options };
}

function randomOptions(random: Random): OracleOptions {
  return {
    mode: chance(random, 0.1) ? 'observe' : 'enforce',
    defaults: {
      ...(chance(random, 0.3) && {
        cooldown: { forMs: 3_000, per: pick(random, ['pod', 'container'] as const) },
      }),
      ...(chance(random, 0.2) && { budget: randomBudget(random) }),
    },
  };
}

export function streamOf(stream: number, { plain }: RuleSet): Timed[] {
  const random = createRandom(stream * 2 + 1_000_003);
  return randomStream(random, LENGTH, plain.map(idOf));
}

/** Where the core and the oracle part, for people; undefined when they never do. */
export interface Difference {
  stream: number;
  at: number;
  signal: unknown;
  core: unknown;
  oracle: unknown;
}

/** Runs one stream through both. `after` sees the state after each signal and may replace it. */
export function compareStream(
  stream: number,
  set: RuleSet,
  after: (state: RulesState, set: RuleSet) => RulesState = (state) => state,
): { difference?: Difference; decisions: number } {
  const oracle = createOracle(set.plain, set.options);
  let state = createRulesState();
  let decisions = 0;
  for (const [at, { atMs, signal }] of streamOf(stream, set).entries()) {
    const result = step(set.core, state, signal, atMs);
    const foretold = oracle.take(signal, atMs);
    const got = result.decisions.map(plainOf);
    decisions += got.length;
    const isSame = JSON.stringify(got) === JSON.stringify(foretold.map(plainOf));
    const dueMs = oracle.dueMs();
    const sleepsOn = dueMs !== undefined && (result.wakeAtMs ?? Number.POSITIVE_INFINITY) > dueMs;
    if (!isSame || sleepsOn) {
      const core = { decisions: got, wakeAtMs: result.wakeAtMs };
      const difference = { stream, at, signal, core, oracle: { decisions: foretold, dueMs } };
      return { difference, decisions };
    }
    state = after(result.state, set);
  }
  return { decisions };
}

function plainOf({ verdict, reason, rule, atMs, target }: Decision | PlainDecision): PlainDecision {
  return { verdict, reason, rule, atMs, ...(target && { target: orderedTarget(target) }) };
}

function orderedTarget({
  namespace,
  pod,
  podUid,
  container,
  containerId,
}: NonNullable<PlainDecision['target']>) {
  return { namespace, pod, podUid, container, containerId };
}
