import { systemClock } from '../../src/base/index.ts';
import type { Sim } from '../../src/sim/index.ts';
import { findNatsServer, startNatsServer } from '../support/nats-server.ts';
import { type BenchLine, summarise } from './bench.ts';
import { type Rig, startRig } from './rig.ts';

const PODS = 50;
const IDLE_MS = 30_000;
const EVENTS = 20_000;
const BATCH = 500;
const MIB = 2 ** 20;
const BIG_BYTES = 2_560 * MIB;
const SAMPLE_EVERY_MS = 50;
const SAMPLES = 100;

const RULES = `
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: liveness-failing }
spec:
  when: { event: { reason: Unhealthy, message: { re2: "^Liveness probe failed" } } }
  target: { podSelector: { matchLabels: { bench: big } } }
  capture: { via: cri, freeze: { max: 5m } }
---
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: oom-nearing }
spec:
  when: { memory: { above: 85% } }
  target: { podSelector: { matchLabels: { bench: memory } } }
---
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: falco-critical }
spec:
  when: { alert: { shape: falco, match: [{ field: priority, severityAtLeast: Critical }] } }
  target: { podSelector: { matchLabels: { bench: memory } } }
`;

/**
 * Resident memory of the bundled agent, in its own process: the same one is first idle, then gets
 * Events, then proves an archive. A kubeconfig is its identity, which costs more than a pod's
 * service account does.
 */
export async function* bench(say: (progress: string) => void): AsyncIterable<BenchLine> {
  const binary = findNatsServer();
  const nats = binary === undefined ? undefined : await startNatsServer(binary);
  const killNats = () => nats?.kill();
  process.once('exit', killNats);
  say('memory: building, starting');
  const rig = await startRig({
    rules: RULES,
    natsUrl: nats?.url,
    prepare: addPods,
    sim: {
      checkpoint: {
        pagesScale: 1,
        freezeBytesPerSecond: 2e9,
        writeBytesPerSecond: 2e9,
      },
    },
  });
  const sources = nats ? 'watches, NATS, memory' : 'watches, memory';
  const line = (name: string, samples: readonly number[]) =>
    summarise({ bench: 'memory', case: name, unit: 'MiB', where: 'sim' }, samples);
  try {
    say(`memory: idle for ${IDLE_MS / 1_000} s`);
    await systemClock.sleep(IDLE_MS);
    yield line(`idle for 30 s, ${PODS} pods, ${sources}`, await sample(rig, SAMPLES));
    say(`memory: ${EVENTS} Events`);
    await sendEvents(rig);
    yield line(`after ${EVENTS} Events`, await sample(rig, SAMPLES));
    say('memory: an archive of 2.5 GiB');
    yield line('while 2.5 GiB are hashed', await sampleWhileHashed(rig));
  } finally {
    await rig.stop();
    await nats?.stop();
    process.off('exit', killNats);
  }
}

function addPods({ scenario }: Sim): void {
  for (let n = 0; n < PODS; n++) {
    scenario.addPod({
      namespace: 'bench',
      name: `pod-${n}`,
      labels: { bench: 'memory' },
      owner: { kind: 'Deployment', name: `app-${n % 10}` },
      containers: [{ name: 'app', memoryBytes: 32 * MIB, memoryLimitBytes: 256 * MIB }],
    });
  }
  scenario.addPod({
    namespace: 'bench',
    name: 'big',
    labels: { bench: 'big' },
    containers: [{ name: 'app', memoryBytes: BIG_BYTES, memoryLimitBytes: 2 * BIG_BYTES }],
  });
}

async function sample({ agent }: Rig, count: number): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < count) {
    samples.push(agent.residentMiB());
    await systemClock.sleep(SAMPLE_EVERY_MS);
  }
  return samples;
}

/** In batches, as a rollout on a busy cluster sends them; ends when the agent has read them all. */
async function sendEvents(rig: Rig): Promise<void> {
  const { scenario } = rig.sim;
  const before = await eventsSeen(rig);
  for (let n = 0; n < EVENTS; n++) {
    scenario.emitEvent(
      { namespace: 'bench', pod: `pod-${n % PODS}` },
      {
        type: 'Normal',
        reason: 'Pulled',
        message: `Container image "registry.example/app:${n}" already present on machine`,
        container: 'app',
      },
    );
    if (n % BATCH === BATCH - 1) {
      while ((await eventsSeen(rig)) - before < n + 1 - BATCH) await systemClock.sleep(10);
    }
  }
  while ((await eventsSeen(rig)) - before < EVENTS) await systemClock.sleep(50);
}

async function eventsSeen({ agent }: Rig): Promise<number> {
  const text = await (await fetch(`${agent.httpUrl}/metrics`)).text();
  return Number(/^stillpoint_signals_total\{kind="event"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

/** From the moment that the archive is written until it is recorded. */
async function sampleWhileHashed({ sim, agent }: Rig): Promise<number[]> {
  const written = sim.happenings.next('checkpoint-ended');
  const recorded = agent.next(({ event }) => event === 'outcome', 300_000);
  let isRecorded = false;
  const end = recorded.finally(() => {
    isRecorded = true;
  });
  sim.scenario.emitEvent(
    { namespace: 'bench', pod: 'big' },
    {
      type: 'Warning',
      reason: 'Unhealthy',
      message: 'Liveness probe failed: HTTP probe failed with statuscode: 503',
      container: 'app',
    },
  );
  const ended = await Promise.race([written, end.then(({ text }) => ({ code: String(text) }))]);
  if (ended.code !== 'OK') throw new Error(`no archive: ${ended.code}`);
  const samples: number[] = [];
  while (!isRecorded) {
    samples.push(agent.residentMiB());
    await systemClock.sleep(SAMPLE_EVERY_MS);
  }
  const { result, text, bytes } = await end;
  if (result !== 'archived' || Number(bytes) < BIG_BYTES) throw new Error(String(text));
  return samples;
}
