import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRandom, type Random, systemClock } from '../../src/base/index.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  type Rule,
  type RulesCore,
  type RulesState,
  step,
} from '../../src/rules/index.ts';
import type { ContainerFact, PodFact, Signal } from '../../src/signal/index.ts';
import { alert, event, memory, podChanged, START_MS } from '../rules/support/bench.ts';
import { type BenchLine, summarise } from './bench.ts';
import { idleRules, load, podsOf, variedRulesText } from './rules-set.ts';
import { benchSwap } from './rules-swap.ts';

const RULES = 1_000;
const PODS = 2_500;
const SIGNALS = 1_000_000;
/** Steps that are timed one by one, after the others. */
const STEPS_TIMED = 200_000;
/** Different signals that are prepared; they come again with later times. */
const PREPARED = 50_000;
const LOADS = 5;

/**
 * Signals of one sample, after as many for the compiler and a collection. With 20,000, which take
 * 3 ms, it was the compiler and the collection of what loading left behind that were measured, and
 * 10,000 rules looked slower than 10: 4.4 against 7.2 million memory signals a second.
 */
const IDLE_SIGNALS = 200_000;
/** Rules that cannot match: how many, and why they cannot. */
const IDLE_COUNTS = [10, 100, 1_000, 10_000] as const;
const IDLE: readonly { name: string; condition(n: number): string; signal: Maker }[] = [
  {
    name: 'memory signals, rules for other pods',
    condition: () => 'memory: { above: 85% }',
    signal: (fact, container, random) => memorySignal(fact, container, random),
  },
  {
    name: 'Events, rules for other reasons',
    condition: (n) => `event: { reason: Reason${n} }`,
    signal: (fact, container) => eventSignal(fact, container, 'Unhealthy', 0),
  },
  {
    name: 'Events, rules for other pods',
    condition: () => 'event: { reason: Unhealthy }',
    signal: (fact, container) => eventSignal(fact, container, 'Unhealthy', 0),
  },
  {
    name: 'alerts, rules for other rules of Falco',
    condition: (n) =>
      `alert: { shape: falco, match: [ { field: rule, equals: "Rule ${n}" }, { field: priority, severityAtLeast: Critical } ] }`,
    signal: (fact, container) => alertSignal(fact, container, 'Terminal shell in container'),
  },
  {
    name: 'pods that change, rules for other pods',
    condition: () => 'crashLoop: { restarts: 3, within: 10m }',
    signal: (fact) => podChanged(fact),
  },
];

type Maker = (fact: PodFact, container: ContainerFact, random: Random) => Signal;

/** What a node with a thousand rules would see, and what rules cost that cannot match. */
export async function* benchScale(say: (progress: string) => void): AsyncIterable<BenchLine> {
  say(`rules: load ${RULES} rules`);
  yield await benchLoad();
  yield* benchSwap(say);
  say(`rules: ${SIGNALS} signals over ${PODS * 2} containers, ${RULES} rules`);
  yield* await benchMany();
  for (const one of IDLE) {
    say(`rules: ${one.name}`);
    for (const count of IDLE_COUNTS) {
      const rules = idleRules(count, one.condition);
      const perSecond: number[] = [];
      const driven = drive(rules, podsOf(200));
      driven.run(one.signal, IDLE_SIGNALS);
      usedHeapMiB();
      for (let run = 0; run < 5; run++) {
        perSecond.push(driven.run(one.signal, IDLE_SIGNALS));
        await systemClock.sleep(10);
      }
      const name = `${one.name}: ${count} rules that cannot match`;
      yield summarise(
        { bench: 'rules', case: name, unit: 'signals/s', where: 'machine' },
        perSecond,
      );
    }
  }
}

async function benchLoad(): Promise<BenchLine> {
  const text = variedRulesText(RULES);
  const samples: number[] = [];
  for (let run = 0; run < LOADS; run++) {
    const began = cpuSeconds();
    load(text);
    samples.push((cpuSeconds() - began) * 1_000);
    await systemClock.sleep(10);
  }
  const name = `load and check ${RULES} varied rules`;
  return summarise({ bench: 'rules', case: name, unit: 'ms', where: 'machine' }, samples);
}

async function benchMany(): Promise<BenchLine[]> {
  const driven = drive(load(variedRulesText(RULES)), podsOf(PODS));
  const heapBefore = usedHeapMiB();
  const signals = prepare(driven.pods, mixed, PREPARED);
  const began = cpuSeconds();
  driven.each(signals, SIGNALS);
  const seconds = cpuSeconds() - began;
  const stepsUs = new Float64Array(STEPS_TIMED);
  driven.each(signals, STEPS_TIMED, stepsUs);
  await systemClock.sleep(10);
  const growth = usedHeapMiB() - heapBefore;
  const what = `${SIGNALS} signals over ${PODS * 2} containers, ${RULES} varied rules`;
  const common = { bench: 'rules', where: 'machine' as const };
  return [
    summarise({ ...common, case: what, unit: 'signals/s' }, [SIGNALS / seconds]),
    summarise({ ...common, case: `${what}: one step`, unit: 'us' }, [...stepsUs]),
    summarise({ ...common, case: `${what}: growth of the heap`, unit: 'MiB' }, [growth]),
  ];
}

/** Of a hundred signals: memory 70, pods that change 15, Events 10, alerts 5. One in 50 is a sign. */
const mixed: Maker = (fact, container, random) => {
  const kind = random.integer(0, 99);
  if (kind < 70) return memorySignal(fact, container, random);
  if (kind < 85) return podChanged(fact);
  const isSign = random.integer(0, 49) === 0;
  if (kind < 95) {
    const reason = isSign ? 'BackOff' : `Reason${random.integer(0, 40)}`;
    return eventSignal(fact, container, reason, Number(fact.name.slice(4)));
  }
  return alertSignal(fact, container, `Rule ${random.integer(0, 2_000)} seen`);
};

interface Driven {
  pods: readonly PodFact[];
  /** Signals a second of processor time. */
  run(make: Maker, count: number): number;
  each(signals: readonly Signal[], count: number, stepsUs?: Float64Array): void;
}

function drive(rules: readonly Rule[], pods: readonly PodFact[]): Driven {
  const denyList = createDenyList({ podUid: 'own-pod' });
  const core: RulesCore = createRulesCore(rules, { nodeName: 'node-1', denyList });
  let state: RulesState = createRulesState();
  let nowMs = START_MS;
  for (const fact of pods) state = step(core, state, podChanged(fact, true), nowMs).state;
  const each: Driven['each'] = (signals, count, stepsUs) => {
    for (let n = 0; n < count; n++) {
      const signal = signals[n % signals.length];
      if (!signal) continue;
      nowMs++;
      const began = stepsUs ? systemClock.monotonicMs() : 0;
      state = step(core, state, signal, nowMs).state;
      if (stepsUs) stepsUs[n] = (systemClock.monotonicMs() - began) * 1_000;
    }
  };
  return {
    pods,
    each,
    run(make, count) {
      const signals = prepare(pods, make, 5_000);
      const began = cpuSeconds();
      each(signals, count);
      return count / (cpuSeconds() - began);
    },
  };
}

function prepare(pods: readonly PodFact[], make: Maker, count: number): Signal[] {
  const random = createRandom(1);
  return Array.from({ length: count }, () => {
    const fact = pods[random.integer(0, pods.length - 1)];
    const container = fact?.containers[random.integer(0, 1)];
    if (!fact || !container) throw new Error('no pod');
    return make(fact, container, random);
  });
}

function memorySignal(fact: PodFact, container: ContainerFact, random: Random): Signal {
  const isSign = random.integer(0, 49) === 0;
  return memory(isSign ? 0.97 : 0.4, {
    target: {
      namespace: fact.namespace,
      pod: fact.name,
      podUid: fact.uid,
      container: container.name,
      containerId: container.containerId ?? '',
    },
  });
}

function eventSignal(fact: PodFact, container: ContainerFact, reason: string, n: number): Signal {
  return event({
    namespace: fact.namespace,
    pod: fact.name,
    podUid: fact.uid,
    container: container.name,
    reason,
    message: `Liveness probe failed: ${n}`,
  });
}

function alertSignal(fact: PodFact, { containerId = '' }: ContainerFact, rule: string): Signal {
  const prefix = containerId.slice(0, 12);
  return alert({
    alertId: `${fact.uid}-${rule}`,
    fields: {
      rule,
      priority: 'Critical',
      'output_fields.container.id': prefix,
      'output_fields.proc.cmdline': 'sh -i',
    },
    hints: { containerIdPrefix: prefix },
  });
}

/** Of this process, so that what else the machine does counts little. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** After a collection, so that only what is held counts. */
function usedHeapMiB(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
