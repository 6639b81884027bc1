import type { Random } from '../../../src/base/index.ts';
import type { ContainerFact, PodFact, Signal } from '../../../src/signal/index.ts';
import {
  alert,
  event,
  id,
  memory,
  pod,
  podChanged,
  podGone,
  request,
  running,
  START_MS,
  tick,
  waiting,
} from './bench.ts';

/** Rules of every kind over the pods of the stream, with windows short enough to open and close. */
export const streamRules: Record<string, string> = {
  oom: 'when: { memory: { above: 80% } }\ntarget: {}\nlimits: { cooldown: 20s }',
  'oom-lasting':
    'when: { memory: { above: 60%, for: 3s } }\ntarget: { podSelector: { matchLabels: { app: a0 } } }\nlimits: { cooldown: 5s }',
  live: 'when: { event: { reason: Unhealthy, atLeast: 3, within: 10s } }\ntarget: {}\nlimits: { cooldown: 15s }',
  backoff:
    'when: { event: { reason: [BackOff, Killing] } }\nmode: observe\ntarget: { containers: [app] }\nlimits: { cooldown: 0s }',
  loop: 'when: { crashLoop: { restarts: 2, within: 30s, capture: { after: 2s } } }\ntarget: {}\nlimits: { cooldown: 30s }',
  'loop-slow':
    'when: { crashLoop: { restarts: 3, within: 2m, capture: { after: 8s } } }\ntarget: {}',
  falco:
    'when: { alert: { shape: falco, match: [{ field: priority, severityAtLeast: Warning }] } }\ntarget: { containers: [app, web] }\nlimits: { cooldown: 10s }',
  calendar: 'when: { schedule: { cron: "0 * * * *" } }\ntarget: {}\nlimits: { cooldown: 12s }',
};

/** Rules for streams with the later signals in them. */
export const laterRules: Record<string, string> = {
  sick: 'when: { probe: { type: liveness, failures: 2 } }\ntarget: {}\nlimits: { cooldown: 9s }',
  chain:
    'when: { sequence: { within: 4m, steps: [{ event: { reason: [BackOff, Unhealthy] } }, { memory: { above: 20% } }, { probe: { type: liveness } }] } }\ntarget: {}\nlimits: { cooldown: 0s }',
  ended:
    'when: { sequence: { within: 30s, steps: [{ crash: {} }, { alert: { shape: falco, match: [{ field: priority, exists: true }] } }] } }\ntarget: {}',
  again:
    'when: { memory: { above: 80%, again: afterBelow, below: 40% } }\ntarget: {}\nlimits: { cooldown: 0s }',
  last: 'when: { terminating: { causes: [delete] } }\ntarget: {}\nlimits: { cooldown: 0s }',
};

export interface TimedSignal {
  ms: number;
  signal: Signal;
}

/** A stream as randomStream gives it, with counts of probes and deletions between its signals. */
export function laterStream(random: Random, length: number): TimedSignal[] {
  const pods = new Map<string, PodFact>();
  return randomStream(random, length).flatMap(({ ms, signal }): TimedSignal[] => {
    if (signal.kind === 'podGone') pods.delete(signal.uid);
    if (signal.kind === 'podChanged') pods.set(signal.pod.uid, signal.pod);
    if (signal.kind !== 'podChanged' || random.next() < 0.3) return [{ ms, signal }];
    const fact = [...pods.values()][random.integer(0, pods.size - 1)] ?? signal.pod;
    const later = random.next() < 0.2 ? deletion(random, fact, ms) : probeCount(random, fact, ms);
    return [
      { ms, signal },
      { ms, signal: later },
    ];
  });
}

function deletion(random: Random, fact: PodFact, ms: number): Signal {
  return podChanged({ ...fact, deletingAtMs: START_MS + ms + random.integer(0, 30_000) });
}

function probeCount(random: Random, fact: PodFact, ms: number): Signal {
  const { namespace, name, uid, containers } = fact;
  const [first] = containers;
  const { name: container = '', containerId = '' } = first ?? {};
  return {
    kind: 'probe',
    target: { namespace, pod: name, podUid: uid, container, containerId },
    type: 'liveness',
    failures: random.integer(0, 2),
    successes: random.integer(0, 1),
    occurredMs: START_MS + ms,
    seenMs: START_MS + ms,
  };
}

/** A stream of signals about six pods that crash, go, and are born again; the clock may jump. */
export function randomStream(random: Random, length: number): TimedSignal[] {
  const world = Array.from({ length: 6 }, (_, n) => createPod(n, 0));
  const stream: TimedSignal[] = [];
  let ms = 0;
  for (const fact of world) stream.push({ ms, signal: podChanged(fact, true) });
  let births = 0;
  while (stream.length < length) {
    ms += random.integer(0, 1_500);
    if (random.next() < 0.01) ms += random.integer(-60_000, 60_000);
    const n = random.integer(0, world.length - 1);
    const fact = world[n];
    if (!fact) continue;
    if (random.next() < 0.02) {
      stream.push({ ms, signal: podGone(fact.uid) });
      births++;
      world[n] = createPod(n, births);
      continue;
    }
    stream.push({ ms, signal: aboutPod(random, world, { n, fact, ms }) });
  }
  return stream;
}

const probes: ContainerFact['probes'] = [
  {
    ...{ type: 'liveness', handler: 'httpGet', failureThreshold: 3 },
    ...{ periodMs: 5_000, timeoutMs: 1_000 },
  },
];

function createPod(n: number, birth: number): PodFact {
  const namespace = n === 5 ? 'kube-system' : 'shop';
  const containers = [0, 1]
    .slice(0, n % 2 === 0 ? 1 : 2)
    .map((c) => running(c === 0 ? 'app' : 'web', { containerId: lifeId(n, birth, c, 0), probes }));
  const labels = { app: `a${n}` };
  return pod({ namespace, name: `pod-${n}`, uid: `uid-${n}-${birth}`, labels, containers });
}

function lifeId(n: number, birth: number, container: number, life: number): string {
  return id(`${n}${container}${(birth * 1_000 + life).toString(16).padStart(10, '0')}`);
}

function aboutPod(
  random: Random,
  world: PodFact[],
  { n, fact, ms }: { n: number; fact: PodFact; ms: number },
): Signal {
  const container = fact.containers[random.integer(0, fact.containers.length - 1)];
  if (!container) return tick('calendar');
  const { containerId = '' } = container;
  const place = { namespace: fact.namespace, pod: fact.name, podUid: fact.uid };
  const roll = random.next();
  if (roll < 0.3) {
    const target = { ...place, container: container.name, containerId };
    return memory(random.next(), { target });
  }
  if (roll < 0.55) {
    const reason = random.next() < 0.7 ? 'Unhealthy' : 'BackOff';
    const name = random.next() < 0.8 ? container.name : undefined;
    const occurredMs = START_MS + ms - random.integer(0, 8_000);
    return event({
      ...place,
      container: name,
      reason,
      countDelta: random.integer(1, 2),
      occurredMs,
    });
  }
  if (roll < 0.7) {
    const hints =
      random.next() < 0.5 ? { containerIdPrefix: containerId.slice(0, 12) } : { pod: fact.name };
    return alert({ hints, fields: { priority: random.next() < 0.5 ? 'Error' : 'Debug' } });
  }
  if (roll < 0.75) return tick('calendar');
  if (roll < 0.78) return request({ namespace: fact.namespace, pod: fact.name });
  const next = {
    ...fact,
    containers: fact.containers.map((one) => (one === container ? step(n, one, ms) : one)),
  };
  world[n] = next;
  return podChanged(next);
}

/** A running container fails into back-off; one in back-off begins its next life. */
function step(n: number, one: ContainerFact, ms: number): ContainerFact {
  if (one.state.kind === 'running') {
    const lastEnd = {
      reason: 'Error',
      exitCode: 1,
      finishedAtMs: START_MS + ms,
      containerId: one.containerId,
    };
    return waiting(one.name, { ...one, state: waiting().state, lastEnd });
  }
  const restartCount = one.restartCount + 1;
  const birth = one.containerId?.slice(2, 12) ?? '';
  const life = Number.parseInt(birth, 16) + 1;
  const containerId = id(`${n}${one.name === 'app' ? 0 : 1}${life.toString(16).padStart(10, '0')}`);
  const state = { kind: 'running', startedAtMs: START_MS + ms } as const;
  return { ...one, restartCount, containerId, state };
}
