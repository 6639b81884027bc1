import { createFacts } from '../../src/agent/facts.ts';
import { createIntake } from '../../src/agent/intake.ts';
import { createRenewal } from '../../src/agent/renewal.ts';
import { nextTurn, runInTurns, type Steps, systemClock } from '../../src/base/index.ts';
import {
  carryState,
  createDenyList,
  createRulesCore,
  createRulesState,
  memoryThresholdSteps,
  probeWatchSteps,
  type Rule,
  ruleIndexSteps,
} from '../../src/rules/index.ts';
import type { PodFact } from '../../src/signal/index.ts';
import { memory, podChanged, START_MS } from '../rules/support/bench.ts';
import { type BenchLine, summarise } from './bench.ts';
import { load, podsOf, variedRulesText } from './rules-set.ts';

const RULES = 1_000;
const SWAPS = 10;
/** Few of the rules reach each pod, or all do. */
const CASES = [
  { pods: 250, reach: 'few' },
  { pods: 2_500, reach: 'few' },
  { pods: 250, reach: 'all' },
] as const;

/** How long a reload holds up everything else in the agent, after its files were read and checked. */
export async function* benchSwap(say: (progress: string) => void): AsyncIterable<BenchLine> {
  for (const { pods, reach } of CASES) {
    const what = `swap of ${RULES} rules of which ${reach} reach a pod, ${pods} pods`;
    say(`rules: ${what}`);
    const text = variedRulesText(RULES);
    const wide = reach === 'few' ? text : text.replaceAll(/^ +app: app-\d+\n/gm, '');
    const sets = [load(wide), load(wide.replace('above: 80%', 'above: 81%'))] as const;
    const { swap, longest } = await measure(sets, podsOf(pods));
    const common = { bench: 'rules', unit: 'ms', where: 'machine' } as const;
    yield summarise({ ...common, case: `${what}: the swap itself` }, swap);
    yield summarise({ ...common, case: `${what}: longest turn of it all` }, longest);
  }
}

async function measure(sets: readonly [readonly Rule[], readonly Rule[]], pods: PodFact[]) {
  const agent = agentOf(pods);
  const swap: number[] = [];
  const longest: number[] = [];
  for (let run = 0; run <= SWAPS; run++) {
    // As if it were loaded anew: an index is kept with its set.
    const rules = [...sets[run % 2 === 0 ? 0 : 1]];
    await systemClock.sleep(20);
    const turns = watchTurns();
    await runInTurns(ruleIndexSteps(rules));
    await nextTurn();
    const beganMs = systemClock.monotonicMs();
    agent.swap(rules);
    const tookMs = systemClock.monotonicMs() - beganMs;
    await agent.settled();
    const longestMs = await turns.longestMs();
    // The first is for the compiler.
    if (run === 0) agent.fill();
    else {
      swap.push(tookMs);
      longest.push(longestMs);
    }
  }
  agent.stop();
  return { swap, longest };
}

/** What an agent swaps: the core and its state, and what its sources watch. */
function agentOf(pods: readonly PodFact[]) {
  const options = { nodeName: 'node-1', denyList: createDenyList({ podUid: 'own-pod' }) };
  const intake = createIntake({
    clock: systemClock,
    facts: createFacts(systemClock, fail),
    core: createRulesCore([], options),
    state: createRulesState(),
    offer: () => ({ kind: 'coalesced', trigger: '' }) as never,
    onMistake: fail,
    onPods: () => renewal.ask(),
  });
  function* steps(): Steps<() => void> {
    yield* memoryThresholdSteps(intake.core(), intake.state());
    yield* probeWatchSteps(intake.core(), intake.state());
    return () => undefined;
  }
  const renewal = createRenewal({ steps, ground: intake.core, onMistake: fail });
  for (const pod of pods) intake.take(podChanged(pod, true));
  return {
    swap(rules: readonly Rule[]) {
      const core = createRulesCore(rules, options);
      intake.replace(core, carryState(intake.core(), core, intake.state()), 'rules');
    },
    /** Every rule on memory remembers something of every container that it reaches. */
    fill() {
      for (const { namespace, name, uid, containers } of pods) {
        for (const { name: container, containerId = '' } of containers) {
          const target = { namespace, pod: name, podUid: uid, container, containerId };
          intake.take(memory(0.97, { target, occurredMs: START_MS }));
        }
      }
    },
    settled: () => renewal.settled(),
    stop() {
      renewal.stop();
      intake.stop();
    },
  };
}

/** Looks how long anyone who waits for a turn of the event loop has to wait. */
function watchTurns() {
  let atMs = systemClock.monotonicMs();
  let longestMs = 0;
  let isOver = false;
  const look = () => {
    const nowMs = systemClock.monotonicMs();
    longestMs = Math.max(longestMs, nowMs - atMs);
    atMs = nowMs;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  return {
    async longestMs() {
      isOver = true;
      await systemClock.sleep(1);
      return longestMs;
    },
  };
}

function fail(error: unknown): never {
  throw error;
}
