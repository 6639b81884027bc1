import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import { connectNats } from '../../src/nats/index.ts';
import type { Sim } from '../../src/sim/index.ts';
import { findNatsServer, startNatsServer } from '../support/nats-server.ts';
import { type BenchLine, summarise } from './bench.ts';
import { type Rig, startRig } from './rig.ts';

const SIGNALS = 1_000;
/** Not counted: code that runs for the first time is slower, and an agent runs for weeks. */
const WARM_UP = 50;
/** Signals go round over so many pods, as a kubelet's archive names have a resolution of 1 s. */
const PODS = 100;
/** The sweep of retention after a capture is over; the next signal finds an idle agent. */
const CALM_MS = 25;

const NEARLY_FREE = {
  ...{ fixedMs: 1, freezeBytesPerSecond: 1e12, writeBytesPerSecond: 1e12 },
  ...{ nativeFixedMs: 1, nativeBytesPerSecond: 1e12 },
};

const FORCED_WRITES = 500;
const MIB = 2 ** 20;
const LIMIT_BYTES = 64 * MIB;
/** Below the threshold of 85 %, and above it. */
const NEAR_BYTES = 0.8 * LIMIT_BYTES;
const FULL_BYTES = 0.9 * LIMIT_BYTES;
/** Longer than the pace of a container that is far from its limit. */
const NEAR_MS = 250;
/** Of memory: each of them takes that much longer. */
const MEMORY_SIGNALS = 250;

interface Measured {
  samples: readonly number[];
  disk: string;
}

/** Where a signal comes in, and where the request must come out. */
interface Case {
  name: string;
  via: 'containerd' | 'cri' | 'kubelet';
  door(rig: Rig): Promise<Door>;
  /** Where the time ends: at our own freeze; default: where the request comes out. */
  until?: 'frozen';
  /** Default SIGNALS. */
  signals?: number;
  natsUrl?: string;
}

/** Sends the signal for a pod; resolves with the moment of its writing, monotonic. */
interface Door {
  send(pod: string): Promise<number>;
  close(): Promise<void>;
}

/**
 * The time that is ours: from the sim's write of the signal to its receipt of the request at the
 * backend. One signal at a time; the archive of one is recorded before the next.
 */
export async function* bench(say: (progress: string) => void): AsyncIterable<BenchLine> {
  const binary = findNatsServer();
  const nats = binary === undefined ? undefined : await startNatsServer(binary);
  const killNats = () => nats?.kill();
  process.once('exit', killNats);
  try {
    const cases: Case[] = [
      { name: 'Event over watch, to containerd (calm)', via: 'containerd', door: openWatch },
      { name: 'Event over watch, to cri', via: 'cri', door: openWatch },
      { name: 'Event over watch, to kubelet', via: 'kubelet', door: openWatch },
      nats
        ? {
            name: 'alert over nats-server, to cri',
            via: 'cri',
            door: (rig) => openNats(rig.sim, nats.url),
            natsUrl: nats.url,
          }
        : {
            name: 'alert over webhook (no nats-server here), to cri',
            via: 'cri',
            door: openWebhook,
          },
      {
        name: 'memory in its file, to frozen in a race',
        via: 'containerd',
        door: openMemory,
        until: 'frozen',
        signals: MEMORY_SIGNALS,
      },
    ];
    for (const one of cases) {
      const { samples, disk } = await measure(one, say);
      const what = { bench: 'latency', case: one.name, unit: 'ms', where: 'sim' } as const;
      const load = loadavg().map((share) => share.toFixed(1));
      yield summarise(what, samples, { disk, load: load.join(' ') });
    }
  } finally {
    await nats?.stop();
    process.off('exit', killNats);
  }
}

async function measure(one: Case, say: (progress: string) => void): Promise<Measured> {
  say(`latency: ${one.name}: building, starting`);
  const rig = await startRig({
    rules: rulesFor(one.via),
    natsUrl: one.natsUrl,
    prepare: addPods,
    // Nearly free: what is measured ends where the checkpoint begins.
    sim: { checkpoint: NEARLY_FREE },
  });
  try {
    const door = await one.door(rig);
    const samples: number[] = [];
    const { signals = SIGNALS } = one;
    for (let n = 0; n < WARM_UP + signals; n++) {
      const sample = await once(rig, door, podName(n % PODS), one.until);
      if (n >= WARM_UP) samples.push(sample);
      if (n % 250 === 0) say(`latency: ${one.name}: ${n} of ${WARM_UP + signals}`);
      await systemClock.sleep(CALM_MS);
    }
    await door.close();
    return { samples, disk: describeDisk(rig.directory) };
  } finally {
    await rig.stop();
  }
}

/** What one forced write costs here and now: three of them lie between signal and request. */
function describeDisk(directory: string): string {
  const file = openSync(join(directory, 'forced-writes'), 'w');
  try {
    const samples = Array.from({ length: FORCED_WRITES }, () => {
      const beganMs = systemClock.monotonicMs();
      writeSync(file, Buffer.alloc(4_096));
      fdatasyncSync(file);
      return systemClock.monotonicMs() - beganMs;
    }).sort((left, right) => left - right);
    const at = (share: number) => samples[Math.floor(samples.length * share)]?.toFixed(2);
    return `forced write ${at(0.5)} ms, p99 ${at(0.99)} ms`;
  } finally {
    closeSync(file);
  }
}

async function once(
  { sim, agent }: Rig,
  door: Door,
  pod: string,
  until: Case['until'],
): Promise<number> {
  const isIt = (one: { pod: string }) => one.pod === pod;
  const comesOut = until
    ? sim.happenings.next(until, isIt).then(({ by }) => {
        const frozenMs = systemClock.monotonicMs();
        if (by !== 'cgroup') throw new Error(`${pod}: frozen by CRIU, not in a race`);
        return frozenMs;
      })
    : sim.happenings.next('checkpoint-received', isIt).then(({ monotonicMs }) => monotonicMs);
  const archived = agent.next((line) => isEndOf(line, pod));
  const writtenMs = await door.send(pod);
  const end = await archived;
  if (end.result !== 'archived') throw new Error(`${pod}: ${String(end.text)}`);
  return (await comesOut) - writtenMs;
}

function isEndOf({ event, target }: { event: string; target?: unknown }, pod: string): boolean {
  return event === 'outcome' && (target as { pod?: string } | undefined)?.pod === pod;
}

function podName(n: number): string {
  return `pod-${n}`;
}

function addPods({ scenario }: Sim): void {
  for (let n = 0; n < PODS; n++) {
    scenario.addPod({
      namespace: 'bench',
      name: podName(n),
      labels: { bench: 'latency' },
      containers: [{ name: 'app', memoryBytes: MIB, memoryLimitBytes: LIMIT_BYTES }],
    });
  }
}

async function openWatch({ sim }: Rig): Promise<Door> {
  return {
    async send(pod) {
      const line = sim.happenings.next('watch-line', ({ resource }) => resource === 'events');
      sim.scenario.emitEvent(
        { namespace: 'bench', pod },
        {
          type: 'Warning',
          reason: 'Unhealthy',
          message: 'Liveness probe failed: HTTP probe failed with statuscode: 503',
          container: 'app',
        },
      );
      return (await line).monotonicMs;
    },
    close: async () => undefined,
  };
}

/**
 * Above its threshold in one step, from where it is looked at often already, and down again once
 * the capture is over.
 */
async function openMemory({ sim, agent }: Rig): Promise<Door> {
  return {
    async send(pod) {
      const name = { namespace: 'bench', pod, container: 'app' };
      sim.scenario.setMemory(name, NEAR_BYTES);
      await systemClock.sleep(NEAR_MS);
      const writtenMs = systemClock.monotonicMs();
      sim.scenario.setMemory(name, FULL_BYTES);
      void agent.next((line) => isEndOf(line, pod)).then(() => sim.scenario.setMemory(name, MIB));
      return writtenMs;
    },
    close: async () => undefined,
  };
}

async function openNats(sim: Sim, url: string): Promise<Door> {
  const connection = await connectNats({
    servers: [url],
    name: 'bench/falcosidekick',
    clock: systemClock,
    random: createRandom(1),
    log: silentLogger,
  });
  while (connection.status().state !== 'connected') await systemClock.sleep(10);
  return {
    async send(pod) {
      const data = new TextEncoder().encode(JSON.stringify(alertFor(sim, pod)));
      const writtenMs = systemClock.monotonicMs();
      const result = connection.publish('falco.critical.terminal_shell_in_container', data);
      if (result.kind === 'refused') throw result.error;
      return writtenMs;
    },
    close: () => connection.close(),
  };
}

async function openWebhook({ sim, agent, alertsToken }: Rig): Promise<Door> {
  return {
    async send(pod) {
      const body = JSON.stringify(alertFor(sim, pod));
      const writtenMs = systemClock.monotonicMs();
      const reply = await fetch(`${agent.httpUrl}/alerts/falco`, {
        method: 'POST',
        headers: { authorization: `Bearer ${alertsToken}`, 'content-type': 'application/json' },
        body,
      });
      if (!reply.ok) throw new Error(`the webhook answered ${reply.status}`);
      return writtenMs;
    },
    close: async () => undefined,
  };
}

/** As falcosidekick passes it on, with the short container id that Falco knows. */
function alertFor({ scenario }: Sim, pod: string): unknown {
  const { life } = scenario.running({ namespace: 'bench', pod, container: 'app' });
  return {
    uuid: crypto.randomUUID(),
    output: 'A shell was spawned in a container with an attached terminal',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    source: 'syscall',
    time: new Date(systemClock.wallMs()).toISOString(),
    tags: ['container', 'shell'],
    output_fields: {
      'container.id': life.containerId.slice(0, 12),
      'container.name': 'app',
      'k8s.ns.name': null,
      'k8s.pod.name': null,
      'proc.cmdline': 'sh -i',
    },
  };
}

function rulesFor(via: Case['via']): string {
  const rule = (name: string, when: string) => `
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: ${name} }
spec:
  when: ${when}
  target: { podSelector: { matchLabels: { bench: latency } } }
  capture: { via: ${via} }
  limits: { cooldown: 0s }
  retain: { class: bench }
---`;
  return `${rule('liveness-failing', '{ event: { reason: Unhealthy, message: { re2: "^Liveness" } } }')}
${rule('memory', '{ memory: { above: 85%, again: afterBelow, below: 50% } }')}
${rule('falco', '{ alert: { shape: falco, match: [{ field: priority, severityAtLeast: Critical }] } }')}
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: bench }
spec:
  select: { classes: [bench] }
  groupBy: [namespace]
  keep: { last: 3 }
`;
}
