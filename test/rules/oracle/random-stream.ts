import type { Random } from '../../../src/base/index.ts';
import type {
  ContainerFact,
  ContainerType,
  Owner,
  PodFact,
  ProbeFact,
  Signal,
} from '../../../src/signal/index.ts';
import {
  alert,
  event,
  id,
  memory,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  waiting,
} from '../support/bench.ts';
import { chance, pick } from './pick.ts';

/** A signal, and the wall clock when the core gets it. */
export interface Timed {
  atMs: number;
  signal: Signal;
}

const SLOTS = 6;
const MIB = 2 ** 20;

/** What the signals of a stream are about. */
interface Scene {
  random: Random;
  atMs: number;
  pods: PodFact[];
  births: number;
  ids: number;
  ruleIds: readonly string[];
}

/**
 * Signals about six pods that crash, change, go, and are born again under their names. The clock
 * jumps and goes back, news come late, twice, or out of order.
 */
export function randomStream(random: Random, length: number, ruleIds: readonly string[]): Timed[] {
  const scene: Scene = { random, atMs: START_MS, pods: [], births: 0, ids: 0, ruleIds };
  const stream: Timed[] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    scene.pods.push(createPod(scene, slot));
    const fact = scene.pods[slot];
    if (fact && chance(random, 0.9)) {
      stream.push({ atMs: scene.atMs, signal: podChanged(fact, chance(random, 0.5)) });
    }
  }
  while (stream.length < length) {
    scene.atMs += passing(random);
    const former = stream.at(-random.integer(1, 6));
    const isAgain = former !== undefined && chance(random, 0.04);
    stream.push({ atMs: scene.atMs, signal: isAgain ? former.signal : nextSignal(scene) });
  }
  return stream;
}

function passing(random: Random): number {
  const roll = random.next();
  if (roll < 0.12) return 0;
  if (roll < 0.16) return -random.integer(0, 1_000);
  if (roll < 0.18) return random.integer(-90_000, 90_000);
  if (roll < 0.19) return 3_600_000;
  if (roll < 0.2) return -3_600_000;
  return random.integer(0, 2_500);
}

function createPod(scene: Scene, slot: number): PodFact {
  const { random } = scene;
  scene.births++;
  const namespace = ['shop', 'shop', 'pay-eu', 'pay-us', 'data', 'kube-system'][slot] ?? 'shop';
  // Two pods of one name in two namespaces.
  const name = slot === 3 ? 'pod-2' : `pod-${slot}`;
  const names: [string, ContainerType][] = [['app', 'app']];
  if (slot % 2 === 1) names.push(['web', 'app']);
  if (slot % 3 === 1) names.push(['proxy', 'sidecar']);
  if (slot === 2) names.push(['setup', 'init']);
  return pod({
    namespace,
    name,
    uid: slot === 4 && chance(random, 0.2) ? 'own-pod' : `uid-${slot}-${scene.births}`,
    ...(slot === 0 && { staticUid: `static-${scene.births}` }),
    ...randomLook(random),
    containers: names.map(([one, type]) => createContainer(scene, one, type)),
  });
}

function randomLook(random: Random): Partial<PodFact> {
  const labels: Record<string, string> = {};
  if (chance(random, 0.6)) labels.tier = pick(random, ['gold', 'silver']);
  if (chance(random, 0.2)) labels.canary = 'yes';
  const [owner, topOwner] = pick(random, OWNERS);
  const isStatic = chance(random, 0.05);
  const priority = pick(random, [undefined, 0, 0, 100, -5, 2_000_000_000]);
  const memoryRequestBytes = pick(random, [undefined, 100 * MIB, 300 * MIB]);
  return { labels, owner, topOwner, isStatic, priority, memoryRequestBytes };
}

const OWNERS: readonly (readonly [Owner | undefined, Owner | undefined])[] = [
  [undefined, undefined],
  [{ kind: 'ReplicaSet', name: 'front-5' }, undefined],
  [
    { kind: 'ReplicaSet', name: 'front-6' },
    { kind: 'Deployment', name: 'front' },
  ],
  [
    { kind: 'Job', name: 'nightly-1' },
    { kind: 'CronJob', name: 'nightly' },
  ],
];

const PROBES: readonly ProbeFact[] = [
  { type: 'liveness', handler: 'httpGet', periodMs: 2_000, timeoutMs: 1_000, failureThreshold: 3 },
  { type: 'readiness', handler: 'exec', periodMs: 5_000, timeoutMs: 1_000, failureThreshold: 3 },
];

function createContainer(scene: Scene, name: string, type: ContainerType): ContainerFact {
  const state = { kind: 'running', startedAtMs: scene.atMs - 1_000 } as const;
  const probes = chance(scene.random, 0.7) ? PROBES : [];
  return running(name, { type, containerId: freshId(scene), state, probes });
}

/** Twelve digits, as alerts cite them; a few are given twice. */
function freshId(scene: Scene): string {
  if (!chance(scene.random, 0.05)) scene.ids++;
  return id(scene.ids.toString(16).padStart(12, '0'));
}

function nextSignal(scene: Scene): Signal {
  const { random, atMs } = scene;
  const slot = random.integer(0, SLOTS - 1);
  const fact = scene.pods[slot];
  const container = fact && pick(random, fact.containers);
  const times = { occurredMs: atMs, seenMs: atMs };
  if (!fact || !container || chance(random, 0.03)) return { kind: 'wake', ...times };
  const place = { namespace: fact.namespace, pod: fact.name, podUid: fact.uid };
  const life = chance(random, 0.95) ? container.containerId : id('ffffffffffff');
  const target = { ...place, container: container.name, containerId: life ?? '' };
  if (chance(random, 0.1)) return randomNodeMemory(scene);
  const roll = random.next();
  if (roll < 0.22) {
    const more = chance(random, 0.3) ? { fullInMs: random.integer(0, 3_000) } : {};
    return memory(random.integer(2, 10) / 10, { target, ...more, ...times });
  }
  if (roll < 0.42) return randomEvent(scene, place, container);
  if (roll < 0.56) return randomAlert(scene, fact, container);
  if (roll < 0.64) {
    const type = pick(random, ['liveness', 'readiness'] as const);
    const [failures, successes] = [random.integer(0, 2), chance(random, 0.3) ? 1 : 0];
    return { kind: 'probe', target, type, failures, successes, ...times };
  }
  if (roll < 0.69) {
    return {
      kind: 'tick',
      rule: pick(random, [...scene.ruleIds, 'gone']),
      scheduledMs: atMs,
      ...times,
    };
  }
  if (roll < 0.72) {
    const name = chance(random, 0.5) ? container.name : undefined;
    const asked = request({ namespace: fact.namespace, pod: fact.name, container: name });
    return chance(random, 0.5) ? asked : ({ ...asked, evenInObserve: true } as Signal);
  }
  return podNews(scene, slot, fact, container);
}

/** Some pods are not measured, and some that are went meanwhile or live on under another id. */
function randomNodeMemory({ random, atMs, pods }: Scene): Signal {
  const capacityBytes = 8 * 1_024 * MIB;
  const measured = pods.filter(() => chance(random, 0.8));
  return {
    kind: 'nodeMemory',
    availableBytes: pick(random, [0.02, 0.08, 0.12, 0.2, 0.28, 0.5]) * capacityBytes,
    capacityBytes,
    pods: measured.map(({ uid, containers }) => {
      const of = containers.map(({ name, containerId }) => ({
        container: name,
        containerId: chance(random, 0.95) ? (containerId ?? '') : id('ffffffffffff'),
        usedBytes: random.integer(0, 4) * 100 * MIB,
      }));
      const usedBytes = of.reduce((sum, one) => sum + one.usedBytes, 0);
      return { podUid: uid, usedBytes, containers: of };
    }),
    occurredMs: atMs,
    seenMs: atMs,
  };
}

const MESSAGES = [
  'Liveness probe failed: HTTP probe failed with statuscode: 500',
  '(combined from similar events): Liveness probe failed: timeout',
  'Readiness probe failed: exit 1',
  'Liveness probe errored: no such file',
  'Back-off restarting failed container',
] as const;

function randomEvent(
  { random, atMs }: Scene,
  place: { namespace: string; pod: string; podUid: string },
  { name }: ContainerFact,
): Signal {
  const late = chance(random, 0.4) ? random.integer(0, 30_000) : 0;
  const odd = chance(random, 0.04) ? pick(random, [Number.NaN, 5_000_000]) : 0;
  return event({
    ...place,
    podUid: chance(random, 0.1) ? pick(random, ['', 'uid-other', 'static-1']) : place.podUid,
    container: chance(random, 0.8) ? name : pick(random, [undefined, undefined, 'nobody']),
    reason: pick(random, ['Unhealthy', 'Unhealthy', 'BackOff', 'Killing', 'Pulled']),
    type: chance(random, 0.8) ? 'Warning' : 'Normal',
    message: pick(random, MESSAGES),
    countDelta: chance(random, 0.8) ? 1 : pick(random, [2, 7, 0, -3, Number.NaN]),
    occurredMs: atMs - late + odd,
    seenMs: atMs,
  });
}

function randomAlert({ random }: Scene, fact: PodFact, container: ContainerFact): Signal {
  const { containerId = '' } = container;
  const hints = pick(random, [
    { containerIdPrefix: containerId.slice(0, 12), node: 'node-2' },
    { containerIdPrefix: containerId.toUpperCase() },
    { containerIdPrefix: 'abcdefabcdef', namespace: fact.namespace, pod: fact.name },
    { containerIdPrefix: 'host', pod: fact.name, container: container.name },
    { podUid: fact.uid, container: container.name },
    { podUid: fact.staticUid ?? 'uid-other', node: pick(random, ['node-1', 'node-2']) },
    { namespace: fact.namespace, pod: fact.name, node: 'node-2' },
    { namespace: 'lab', pod: fact.name, node: pick(random, ['node-1', 'node-2']) },
    { pod: fact.name },
    {},
  ]);
  return alert({
    shape: chance(random, 0.8) ? 'falco' : 'alertmanager',
    hints,
    fields: {
      ...(chance(random, 0.9) && { rule: pick(random, ['shell', 'shells in a row', 's', 3, '3']) }),
      ...(chance(random, 0.7) && { priority: pick(random, ['Critical', 'Error', null, 3]) }),
      ...(chance(random, 0.5) && { status: pick(random, ['firing', 'firing', 'resolved']) }),
      ...(chance(random, 0.3) && { count: 3 }),
      ...(chance(random, 0.1) && { toString: 'shell' }),
    },
  });
}

/** The pod crashes or comes up again, changes its look, ends, or is born again under its name. */
function podNews(scene: Scene, slot: number, fact: PodFact, container: ContainerFact): Signal {
  const { random, atMs } = scene;
  const times = { occurredMs: atMs, seenMs: atMs };
  const roll = random.next();
  if (roll < 0.06) {
    // Sometimes nobody tells that it went before the next one of that name is there.
    scene.pods[slot] = createPod(scene, slot);
    const { namespace, name, uid } = fact;
    if (chance(random, 0.7)) return { kind: 'podGone', namespace, name, uid, ...times };
    return podChanged(scene.pods[slot] ?? fact);
  }
  const next = { ...fact, ...changeOf(scene, fact, container, roll) };
  scene.pods[slot] = next;
  return podChanged(next, chance(random, 0.05));
}

function changeOf(
  scene: Scene,
  fact: PodFact,
  container: ContainerFact,
  roll: number,
): Partial<PodFact> {
  const { random, atMs } = scene;
  if (roll < 0.2) return randomLook(random);
  if (roll < 0.27) {
    const disruptionReason = pick(random, [
      undefined,
      'EvictionByEvictionAPI',
      'PreemptionByScheduler',
      'DeletionByPodGC',
    ]);
    return { deletingAtMs: atMs + random.integer(-5_000, 40_000), disruptionReason };
  }
  const news = crashOf(scene, container);
  return { containers: fact.containers.map((one) => (one === container ? news : one)) };
}

function crashOf(scene: Scene, one: ContainerFact): ContainerFact {
  const { random, atMs } = scene;
  const finishedAtMs = chance(random, 0.95) ? atMs - random.integer(0, 4_000) : Number.NaN;
  const isClean = chance(random, 0.15);
  const lastEnd = {
    reason: isClean ? 'Completed' : pick(random, ['Error', 'OOMKilled']),
    exitCode: isClean ? 0 : 137,
    finishedAtMs,
    containerId: one.containerId,
  };
  const startedAtMs = atMs - random.integer(0, 3_000);
  const nextLife = {
    containerId: freshId(scene),
    state: { kind: 'running', startedAtMs } as const,
  };
  if (one.state.kind !== 'running') return { ...one, ...nextLife };
  const restartCount = one.restartCount + (chance(random, 0.9) ? 1 : random.integer(2, 4));
  const roll = random.next();
  if (roll < 0.3) return { ...one, lastEnd, restartCount, ...nextLife };
  if (roll < 0.4) return { ...one, state: { kind: 'terminated', end: lastEnd } };
  if (roll < 0.5)
    return waiting(one.name, { ...one, state: waiting().state, containerId: undefined });
  return waiting(one.name, { ...one, state: waiting().state, lastEnd, restartCount });
}
