import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { removeImages } from '../../../src/archive/index.ts';
import { createRandom, type Logger, systemClock } from '../../../src/base/index.ts';
import {
  type Capturer,
  type CaptureState,
  createCapturer,
  createContainerdBackend,
  createCriBackend,
  createFreezeRates,
  createKubeletBackend,
  createKubeletSight,
  createLeftoverImages,
  type ThawTools,
} from '../../../src/capture/index.ts';
import { createJournal, type Journal, type Trigger } from '../../../src/dispatch/index.ts';
import { type Guard, startGuard } from '../../../src/guard/index.ts';
import { createGuardLease, type GuardLease } from '../../../src/lease/index.ts';
import type { CaptureSpec } from '../../../src/rules/index.ts';
import type { PodFact, Target } from '../../../src/signal/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { fireOn } from '../../support/decisions.ts';
import { createRecordingLog } from '../../support/recording-log.ts';
import {
  deletePod,
  getPod,
  lastTickIn,
  podLogs,
  type RunningContainer,
  startWorkPod,
  type WorkPod,
  waitFor,
} from '../lib/index.ts';
import { type LabClients, openLabClients, targetOfPod } from './lab-node.ts';

/** A capturer on the first node of the lab, and containers to try it on. */
export interface CaptureRig {
  readonly clients: LabClients;
  readonly journal: Journal;
  readonly tools: ThawTools;
  /** On a guard process of its own, which runs in this very process. */
  readonly lease: GuardLease;
  /** Told of each state; reset after each test. */
  onState: (state: CaptureState) => void;
  makeCapturer(): Capturer;
  /** A journalled trigger on the target, with what its rule says of the capture. */
  triggerOn(target: Target, via?: CaptureSpec['via'], spec?: Partial<CaptureSpec>): Trigger;
  /** A pod that is deleted after the test. */
  start(pod: WorkPod): Promise<RunningContainer>;
  /** A container that holds `sizeMb` of memory, ticks, and tells how long it stood still. */
  startHog(name: string, sizeMb: number): Promise<Target>;
  /** Fails unless the container counts on, in the same life. */
  expectTicking(target: Target): Promise<void>;
}

/** Opened before all tests of the file, closed after them. */
export function useCaptureRig(): CaptureRig {
  let clients: LabClients;
  let store: Store;
  let journal: Journal;
  let guarded: Guarded;
  const recording = createRecordingLog();
  const pods: string[] = [];
  let triggers = 0;

  beforeAll(async () => {
    clients = openLabClients();
    guarded = await startGuarded(clients, recording.log);
    store = openStore(':memory:');
    journal = createJournal(store, systemClock.wallMs);
  });
  afterEach(async () => {
    rig.onState = () => undefined;
    for (const pod of pods.splice(0)) await deletePod(pod);
  });
  afterAll(async () => {
    await guarded.stop();
    clients.close();
    store.close();
  });

  const rig: CaptureRig = {
    get clients() {
      return clients;
    },
    get journal() {
      return journal;
    },
    get tools() {
      const { runtime, probe } = clients;
      return { clock: systemClock, log: recording.log, runtime, node: probe };
    },
    get lease() {
      return guarded.lease;
    },
    onState: () => undefined,
    makeCapturer: () => makeCapturer(rig, store),
    triggerOn(target, via = 'auto', spec = {}) {
      const capture = { via, timeoutMs: 120_000, freezeMsMax: 60_000, ...spec };
      const trigger: Trigger = {
        id: `t-${triggers++}`,
        target,
        acceptedMs: systemClock.wallMs(),
        decisions: [fireOn(target, { capture })],
      };
      journal.insert(trigger);
      return trigger;
    },
    start(pod) {
      pods.push(pod.name);
      return startWorkPod(pod);
    },
    async startHog(name, sizeMb) {
      const command = ['hog', '2000', String(sizeMb), '0', '--gaps'];
      const started = await rig.start({ name, command });
      await waitFor('the memory to be full', async () => (await podLogs(name)).includes('full'));
      return targetOfPod(started);
    },
    expectTicking,
  };
  return rig;
}

interface Guarded {
  lease: GuardLease;
  stop(): Promise<void>;
}

async function startGuarded({ node }: LabClients, log: Logger): Promise<Guarded> {
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-guard-'));
  const socket = join(directory, 'guard.sock');
  const guard: Guard = await startGuard({
    socket,
    runtimeSocket: node.containerdSocket,
    cgroupRoot: '/sys/fs/cgroup',
    procRoot: '/proc',
    leavesAlone: false,
    clock: systemClock,
    log,
  });
  const lease = createGuardLease({ socket, clock: systemClock, random: createRandom(1), log });
  await waitFor('the guard', () => lease.status().state === 'live', { everyMs: 5 });
  return {
    lease,
    async stop() {
      await lease.stop();
      guard.leave(5_000);
      await guard.left;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function makeCapturer(rig: CaptureRig, store: Store): Capturer {
  const { runtime, kubelet, node } = rig.clients;
  const clock = systemClock;
  const checkpointsDirectory = node.checkpointsDir;
  return createCapturer({
    ...rig.tools,
    backends: [
      createContainerdBackend({
        ...rig.tools,
        runtime,
        lease: rig.lease,
        checkpointsDirectory,
        leftovers: createLeftoverImages({ ...rig.tools, remove: removeImages }),
      }),
      createCriBackend({ runtime, clock }),
      createKubeletBackend({
        sight: createKubeletSight(kubelet, clock),
        clock,
        checkpointsDirectory,
      }),
    ],
    podOf: (target) => podFactOf(target, node.name),
    denyReason: () => undefined,
    places: {
      checkpointsDirectory,
      runtimeRoot: node.containerdRoot,
      runtimeTmp: node.containerdTmp,
    },
    evictionHard: () => ({}),
    lease: rig.lease,
    rates: createFreezeRates(store, rig.tools.log),
    journal: rig.journal,
    onState: (state) => rig.onState(state),
  });
}

function podFactOf(target: Target, nodeName: string): PodFact {
  return {
    namespace: target.namespace,
    name: target.pod,
    uid: target.podUid,
    isStatic: false,
    nodeName,
    labels: {},
    annotations: {},
    phase: 'Running',
    terminationGraceMs: 1_000,
    hostNetwork: false,
    containers: [],
  };
}

async function expectTicking(target: Target): Promise<void> {
  const lastTick = async () => lastTickIn(await podLogs(target.pod)) ?? -1;
  const tick = await lastTick();
  await waitFor('the next tick', async () => (await lastTick()) > tick);
  const { status } = await getPod(target.pod);
  expect(status.containerStatuses?.[0]).toMatchObject({
    restartCount: 0,
    containerID: `containerd://${target.containerId}`,
  });
}
