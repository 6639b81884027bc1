import { statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/base/index.ts';
import {
  type Backend,
  type CaptureOutcome,
  type Capturer,
  type CaptureState,
  createCapturer,
  createCriBackend,
  createFreezeRates,
  createKubeletBackend,
  recoverCaptures,
} from '../../../src/capture/index.ts';
import { createJournal, type Journal, type Trigger } from '../../../src/dispatch/index.ts';
import type { ContainerCgroup } from '../../../src/node/index.ts';
import type { PodFact, Target } from '../../../src/signal/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { fireOn } from '../../support/decisions.ts';
import { createRecordingLog } from '../../support/recording-log.ts';
import {
  ctr,
  deletePod,
  gapsIn,
  getPod,
  lastTickIn,
  podLogs,
  type RunningContainer,
  startContainerd,
  startWorkPod,
  stopContainerd,
  type WorkPod,
  waitFor,
} from '../lib/index.ts';
import { cgroupOf, type LabClients, openLabClients, targetOfPod } from './lab-node.ts';

const SIZE_MB = 384;
const never = new AbortController().signal;

let clients: LabClients;
let store: Store;
let journal: Journal;
let recording: ReturnType<typeof createRecordingLog>;
let onState: (state: CaptureState) => void = () => undefined;
const pods: string[] = [];
let triggers = 0;

beforeAll(() => {
  clients = openLabClients();
  store = openStore(':memory:');
  journal = createJournal(store, systemClock.wallMs);
  recording = createRecordingLog();
});
afterEach(async () => {
  onState = () => undefined;
  for (const pod of pods.splice(0)) await deletePod(pod);
});
afterAll(() => {
  clients.close();
  store.close();
});

function makeCapturer(): Capturer {
  const { runtime, kubelet, probe, node } = clients;
  const checkpointsDirectory = node.checkpointsDir;
  const backends: Backend[] = [
    createCriBackend({ runtime, clock: systemClock }),
    createKubeletBackend({ kubelet, clock: systemClock, checkpointsDirectory }),
  ];
  return createCapturer({
    clock: systemClock,
    log: recording.log,
    runtime,
    node: probe,
    backends,
    podOf: podFactOf,
    denyReason: () => undefined,
    places: {
      checkpointsDirectory,
      runtimeRoot: node.containerdRoot,
      runtimeTmp: node.containerdTmp,
    },
    evictionHard: () => ({}),
    rates: createFreezeRates(store),
    journal,
    onState: (state) => onState(state),
  });
}

function podFactOf(target: Target): PodFact {
  return {
    namespace: target.namespace,
    name: target.pod,
    uid: target.podUid,
    isStatic: false,
    nodeName: clients.node.name,
    labels: {},
    annotations: {},
    phase: 'Running',
    terminationGraceMs: 1_000,
    hostNetwork: false,
    containers: [],
  };
}

function triggerOn(target: Target, via: 'auto' | 'cri' | 'kubelet' = 'auto'): Trigger {
  const capture = { via, timeoutMs: 120_000, freezeMsMax: 60_000 };
  const trigger: Trigger = {
    id: `t-${triggers++}`,
    target,
    acceptedMs: systemClock.wallMs(),
    decisions: [fireOn(target, { capture })],
  };
  journal.insert(trigger);
  return trigger;
}

async function start(pod: WorkPod): Promise<RunningContainer> {
  pods.push(pod.name);
  return startWorkPod(pod);
}

async function startHog(name: string): Promise<Target> {
  const started = await start({ name, command: ['hog', '2000', String(SIZE_MB), '0', '--gaps'] });
  await waitFor('the memory to be full', async () => (await podLogs(name)).includes('full'));
  return targetOfPod(started);
}

/** The proof that it runs: it counts on, in the same life. */
async function expectTicking(target: Target): Promise<void> {
  const tick = lastTickIn(await podLogs(target.pod)) ?? -1;
  await waitFor('the next tick', async () => (lastTickIn(await podLogs(target.pod)) ?? -1) > tick);
  const { status } = await getPod(target.pod);
  expect(status.containerStatuses?.[0]).toMatchObject({
    restartCount: 0,
    containerID: `containerd://${target.containerId}`,
  });
}

function captured(outcome: CaptureOutcome) {
  expect(outcome).toMatchObject({ kind: 'captured' });
  return outcome as Extract<CaptureOutcome, { kind: 'captured' }>;
}

describe('a capture on the real node', () => {
  it.each(['cri', 'kubelet'] as const)('through %s tells how long it stood still', async (via) => {
    const target = await startHog(`capture-${via}`);
    const outcome = captured(await makeCapturer().capture(triggerOn(target, via), never));
    await expectTicking(target);
    const longestMs = Math.max(...gapsIn(await podLogs(target.pod)).map(({ ms }) => ms));
    expect(Math.abs(longestMs - (outcome.timings.frozenMs ?? 0))).toBeLessThan(60);
    expect(statSync(outcome.archivePath).size).toBeGreaterThan(SIZE_MB * 2 ** 20);
    expect(outcome.thaw).toMatchObject({ end: 'runs', acts: [] });
    const predicted = outcome.predictedFreezeMs;
    expect(predicted).toBeGreaterThan(200 + (SIZE_MB * 2 ** 20) / 5e6);
  });

  it('given up by a stop leaves it running, and no archive is promised', async () => {
    const target = await startHog('stopped');
    const stop = new AbortController();
    onState = ({ kind }) => {
      if (kind === 'checkpointing') setTimeout(() => stop.abort(), 400);
    };
    const outcome = await makeCapturer().capture(triggerOn(target), stop.signal);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'cancelled',
      thaw: { end: 'runs' },
      lateArchive: { path: expect.stringContaining('checkpoint-stopped_default-work-') },
    });
    await expectTicking(target);
  });

  it('cut off by a crash of containerd is thawed as soon as containerd is back', async () => {
    const target = await startHog('crash');
    const crashed = Promise.withResolvers<void>();
    onState = ({ kind }) => {
      if (kind !== 'checkpointing') return;
      setTimeout(() => {
        stopContainerd()
          .then(() => startContainerd())
          .then(crashed.resolve, crashed.reject);
      }, 500);
    };
    const outcome = await makeCapturer().capture(triggerOn(target), never);
    await crashed.promise;
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'unreachable',
      retryable: true,
      thaw: { end: 'runs' },
    });
    await expectTicking(target);
  });

  it.each([
    [
      'established-tcp',
      'sleep 1000 | busybox nc -l -p 7000 >/dev/null & sleep 1; ' +
        'sleep 1000 | busybox nc 127.0.0.1 7000',
    ],
    [
      'ghost-file',
      'busybox head -c 3000000 /dev/urandom >/tmp/x; exec 3</tmp/x; busybox rm /tmp/x; sleep 1000',
    ],
  ])('is named %s by the log of CRIU', async (failure, script) => {
    const started = await start({ name: failure, command: ['sh', '-c', script] });
    await systemClock.sleep(2_000);
    const outcome = await makeCapturer().capture(triggerOn(targetOfPod(started)), never);
    expect(outcome).toMatchObject({ kind: 'failed', failure, thaw: { end: 'runs' } });
    expect((outcome as { lateArchive?: object }).lateArchive).toBeUndefined();
  });
});

describe('what somebody left frozen on the real node', () => {
  const entryOf = (target: Target) => {
    const trigger = triggerOn(target);
    journal.note(trigger.id, 'checkpointing');
    return journal.unfinished().filter((entry) => entry.trigger.id === trigger.id);
  };
  const tools = () => {
    const { runtime, probe } = clients;
    return { clock: systemClock, log: recording.log, runtime, node: probe };
  };
  const setFreezer = (cgroup: ContainerCgroup, wanted: 'frozen' | 'thawed') =>
    clients.probe.cgroups.setFreezer(cgroup, wanted);
  const expectRuns = async (target: Target, cgroup: ContainerCgroup) => {
    expect(await clients.runtime.taskState(target.containerId)).toBe('running');
    expect(clients.probe.cgroups.freezerState(cgroup)).toBe('thawed');
    await expectTicking(target);
  };

  it('is not touched before a capture: it is refused', async () => {
    const target = await startHog('theirs');
    await ctr(clients.node, ['tasks', 'pause', target.containerId]);
    const outcome = await makeCapturer().capture(triggerOn(target), never);
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'frozen-already' });
    expect(await clients.runtime.taskState(target.containerId)).toBe('paused');
    await ctr(clients.node, ['tasks', 'resume', target.containerId]);
  });

  it('is resumed at start-up when the journal says that it was us: paused and frozen', async () => {
    const target = await startHog('left-paused');
    const cgroup = await cgroupOf(clients, target.containerId);
    const entries = entryOf(target);
    await ctr(clients.node, ['tasks', 'pause', target.containerId]);
    expect(await recoverCaptures(entries, tools())).toMatchObject([
      { decision: 'thaw-and-look', thaw: { end: 'runs', acts: ['resume'] } },
    ]);
    await expectRuns(target, cgroup);
  });

  it('is cured when the shim believes in a pause that is over: paused and thawed', async () => {
    const target = await startHog('stuck-paused');
    const cgroup = await cgroupOf(clients, target.containerId);
    const entries = entryOf(target);
    await ctr(clients.node, ['tasks', 'pause', target.containerId]);
    setFreezer(cgroup, 'thawed');
    expect(await recoverCaptures(entries, tools())).toMatchObject([
      { thaw: { end: 'runs', acts: ['freeze-and-resume'] } },
    ]);
    await expectRuns(target, cgroup);
  });

  it('is thawed when the shim knows nothing of it: running and frozen', async () => {
    const target = await startHog('stuck-frozen');
    const cgroup = await cgroupOf(clients, target.containerId);
    const entries = entryOf(target);
    setFreezer(cgroup, 'frozen');
    await waitFor('the freeze', () => clients.probe.cgroups.freezerState(cgroup) === 'frozen');
    expect(await recoverCaptures(entries, tools())).toMatchObject([
      { thaw: { end: 'runs', acts: ['thaw-freezer'] } },
    ]);
    await expectRuns(target, cgroup);
  });
});
