import type { Decision } from '../../../src/rules/index.ts';
import type { NodeMemorySignal, PodFact } from '../../../src/signal/index.ts';
import { type Bench, benchOf, brief, id, pod, podChanged, running, START_MS } from './bench.ts';

export const MIB = 2 ** 20;
const CAPACITY = 8_192 * MIB;
export const WHEN = 'when: { memory: { of: node, availableBelow: 10% } }';
export const RULE = `${WHEN}\ntarget: {}`;

/** Two pods that use more than they ask for: `big` most. */
export const cart = podOf('cart', { memoryRequestBytes: 100 * MIB });
export const big = podOf('big', { memoryRequestBytes: 100 * MIB });

export function podOf(name: string, more: Partial<PodFact> = {}): PodFact {
  const containerId = id(Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12));
  return pod({ name, uid: `uid-${name}`, containers: [running('app', { containerId })], ...more });
}

/** What the node has, and what pods use, in MiB; the first of several containers uses most. */
export function node(mib: number, used: [PodFact, number][] = []): NodeMemorySignal {
  return {
    kind: 'nodeMemory',
    availableBytes: mib * MIB,
    capacityBytes: CAPACITY,
    pods: used.map(([fact, usedMib]) => ({
      podUid: fact.uid,
      usedBytes: usedMib * MIB,
      containers: fact.containers.map(({ name, containerId = '' }, index) => ({
        container: name,
        containerId,
        usedBytes: (usedMib * MIB) / (index + 1),
      })),
    })),
    occurredMs: START_MS,
    seenMs: START_MS,
  };
}

export function benchWith(pods: readonly PodFact[], spec = RULE): Bench {
  const bench = benchOf({ low: spec });
  for (const fact of pods) bench.at(0, podChanged(fact, true));
  return bench;
}

export const briefs = (decisions: Decision[]) => decisions.map(brief);
export const LOW: [PodFact, number][] = [
  [cart, 200],
  [big, 900],
];
