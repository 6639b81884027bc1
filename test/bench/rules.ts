import { createRandom, systemClock } from '../../src/base/index.ts';
import { step } from '../../src/rules/index.ts';
import type { ContainerFact, PodFact, Signal } from '../../src/signal/index.ts';
import {
  alert,
  benchOf,
  type Bench as CoreBench,
  event,
  id,
  memory,
  pod,
  podChanged,
  running,
  START_MS,
} from '../rules/support/bench.ts';
import { type BenchLine, summarise } from './bench.ts';
import { benchScale } from './rules-scale.ts';

const PODS = 200;
const RULES = 10;
/** Different signals that are prepared before the clock runs. */
const PREPARED = 5_000;
/** Signals of one sample. */
const STEPS = 20_000;
const SAMPLES = 20;
/** One signal in so many is a sign that the rules look for. */
const SIGN_EACH = 10;

/** All ten rules are of the signal's kind: rules of other kinds cost it nothing. */
interface Case {
  name: string;
  when: string;
  signal(fact: PodFact, container: ContainerFact, isSign: boolean): Signal;
}

const CASES: readonly Case[] = [
  {
    name: 'memory',
    when: '{ memory: { above: 85% } }',
    signal: ({ namespace, name, uid }, container, isSign) =>
      memory(isSign ? 0.9 : 0.5, {
        target: {
          namespace,
          pod: name,
          podUid: uid,
          container: container.name,
          containerId: container.containerId ?? '',
        },
      }),
  },
  {
    name: 'event',
    when: '{ event: { reason: Unhealthy, message: { re2: "^Liveness probe failed" } } }',
    signal: ({ namespace, name, uid }, container, isSign) =>
      event({
        namespace,
        pod: name,
        podUid: uid,
        container: container.name,
        occurredMs: START_MS,
        message: `${isSign ? 'Liveness' : 'Readiness'} probe failed: HTTP probe failed with 503`,
      }),
  },
  {
    name: 'alert',
    when: '{ alert: { shape: falco, match: [{ field: priority, severityAtLeast: Critical }, { field: rule, glob: "Terminal*" }] } }',
    signal: (fact, { containerId = '' }, isSign) =>
      alert({
        alertId: `${fact.uid}-${String(isSign)}`,
        fields: {
          rule: 'Terminal shell in container',
          priority: isSign ? 'Critical' : 'Notice',
          'output_fields.container.id': containerId.slice(0, 12),
          'output_fields.proc.cmdline': 'sh -i',
        },
        hints: { containerIdPrefix: containerId.slice(0, 12) },
      }),
  },
];

/** Signals a second through the rules core, on one core, one signal in ten being a sign. */
export async function* bench(say: (progress: string) => void): AsyncIterable<BenchLine> {
  for (const one of CASES) {
    say(`rules: ${one.name}`);
    const driven = benchOf(rulesFor(one));
    const pods = Array.from({ length: PODS }, (_, n) => podFact(n));
    for (const fact of pods) driven.at(0, podChanged(fact, true));
    const signals = signalsFor(one, pods);
    const samples: number[] = [];
    // The first is for the compiler.
    for (let run = 0; run <= SAMPLES; run++) {
      const perSecond = measure(driven, signals, run);
      if (run > 0) samples.push(perSecond);
      await systemClock.sleep(10);
    }
    const name = `${one.name} signals, ${PODS} pods, ${RULES} rules of their kind`;
    yield summarise({ bench: 'rules', case: name, unit: 'signals/s', where: 'machine' }, samples);
  }
  yield* benchScale(say);
}

function measure(driven: CoreBench, signals: readonly Signal[], run: number): number {
  const beganMs = systemClock.monotonicMs();
  for (let n = 0; n < STEPS; n++) {
    const signal = signals[n % signals.length];
    if (!signal) continue;
    const nowMs = START_MS + run * 60_000 + n;
    driven.state = step(driven.core, driven.state, signal, nowMs).state;
  }
  return STEPS / ((systemClock.monotonicMs() - beganMs) / 1_000);
}

/** Half of them look at all pods, half at a tenth of them each. */
function rulesFor({ when }: Case): Record<string, string> {
  const specs = Array.from({ length: RULES }, (_, n) => {
    const target = n % 2 === 0 ? '{}' : `{ podSelector: { matchLabels: { app: app-${n} } } }`;
    return [`rule-${n}`, `when: ${when}\ntarget: ${target}`] as const;
  });
  return Object.fromEntries(specs);
}

function podFact(n: number): PodFact {
  const containers = ['app', 'sidecar'].map((name, index) => {
    const hex = (n * 2 + index + 1).toString(16).padStart(12, '0');
    return running(name, { containerId: id(hex), memoryLimitBytes: 268_435_456 });
  });
  return pod({
    name: `pod-${n}`,
    uid: `uid-${n}`,
    labels: { app: `app-${n % RULES}`, 'pod-template-hash': '5d9f8c7b6' },
    containers,
  });
}

function signalsFor(one: Case, pods: readonly PodFact[]): Signal[] {
  const random = createRandom(1);
  return Array.from({ length: PREPARED }, (_, n) => {
    const fact = pods[random.integer(0, pods.length - 1)];
    const container = fact?.containers[random.integer(0, 1)];
    if (!fact || !container) throw new Error('no pod');
    return one.signal(fact, container, n % SIGN_EACH === 0);
  });
}
