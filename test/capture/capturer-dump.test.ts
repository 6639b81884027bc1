import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import {
  type CheckpointReply,
  type CheckpointRequest,
  createCapturer,
  type DumpOrder,
  type FreezeCosts,
} from '../../src/capture/index.ts';
import type { JournalFacts, Trigger } from '../../src/dispatch/index.ts';
import type { GuardStatus } from '../../src/lease/index.ts';
import type { CaptureSpec } from '../../src/rules/index.ts';
import type { ContainerFact, ProbeFact } from '../../src/signal/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  createFakeContainerState,
  type FakeContainerState,
} from '../support/fake-container-state.ts';
import { podFactOf } from '../support/pod-facts.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const target = targetOf('a');
const never = new AbortController().signal;
const costs: FreezeCosts = { bytesPerSecond: 100e6, layerBytesPerSecond: 10e6, fixedMs: 200 };

let clock: FakeClock;
let container: FakeContainerState;
let story: string[];
let noted: JournalFacts[];
let learnt: object[];
let guard: GuardStatus;
let onDump: (order: DumpOrder) => Promise<CheckpointReply>;
let layerBytes: number;
let onNoted: () => void;
let leavesImages: true | undefined;
let probes: ProbeFact[];

beforeEach(() => {
  clock = createFakeClock();
  container = createFakeContainerState();
  container.runtime.writableLayerBytes = () => Promise.resolve(layerBytes);
  [story, noted, learnt] = [[], [], []];
  guard = { state: 'live', pid: 7 };
  layerBytes = 4e6;
  onNoted = () => undefined;
  leavesImages = true;
  probes = [];
  onDump = async () => dumped();
});

function dumped(change: Partial<Extract<CheckpointReply, { kind: 'dumped' }>> = {}) {
  return {
    ...{ kind: 'dumped', folder: '/images/x', stoodStillMs: 250 },
    complete: async () => void story.push('completed'),
    discard: async () => void story.push('discarded'),
    ...change,
  } satisfies CheckpointReply;
}

const held = { frozenBy: 'task', release: () => void story.push('released') } as const;

function capture(spec: Partial<CaptureSpec> = {}) {
  const fired = fireOn(target);
  const decisions = [{ ...fired, capture: { ...fired.capture, ...spec } }];
  const trigger: Trigger = { id: 't-1', target, acceptedMs: clock.wallMs(), decisions };
  const capturer = createCapturer({
    ...{ clock, log: createRecordingLog().log, runtime: container.runtime, node: container.node },
    lease: { status: () => guard },
    backends: [
      {
        ...{ name: 'containerd', choosesPath: true, leavesImages, costs },
        availability: () => Promise.resolve({ kind: 'available', why: 'fake' }),
        checkpoint({ archivePath, dump }: CheckpointRequest) {
          story.push('asked');
          return dump ? onDump(dump) : Promise.resolve({ kind: 'done', archivePath });
        },
      },
    ],
    podOf: () => podFactOf(target, { containers: [containerOf(probes)] }),
    denyReason: () => undefined,
    places: { checkpointsDirectory: tempDir() },
    evictionHard: () => ({}),
    diskSpace: (path) => ({ path, device: 1, totalBytes: 1e12, availableBytes: 9e11 }),
    rates: {
      costs: (_, unlearnt) => ({ ...unlearnt, learnt: false }),
      learn: (_, seen) => void learnt.push(seen),
    },
    journal: {
      note(_, state, facts) {
        story.push(`noted ${state}`);
        noted.push(facts ?? {});
        onNoted();
      },
    },
    onState: ({ kind }) => void story.push(kind),
  });
  return capturer.capture(trigger, never);
}

function containerOf(all: readonly ProbeFact[]): ContainerFact {
  return {
    ...{ name: target.container, type: 'app', containerId: target.containerId },
    ...{ image: 'app:1', imageId: '', restartCount: 0, probes: all },
    state: { kind: 'running', startedAtMs: 0 },
  };
}

describe('a capture that leaves images', () => {
  it('in calm goes through its states, and is completed once the container runs', async () => {
    const outcome = await capture();
    expect(story).toEqual([
      ...['queued', 'guarded', 'noted checkpointing', 'checkpointing', 'asked', 'thawing'],
      ...['completed', 'noted thawed', 'thawed'],
    ]);
    expect(outcome).toMatchObject({
      kind: 'captured',
      backend: 'containerd',
      imagesFolder: '/images/x',
      timings: { frozenMs: 250, lastFrozenAtMs: clock.wallMs() },
    });
    expect(noted).toMatchObject([{ backend: 'containerd' }, { imagesFolder: '/images/x' }]);
    expect(noted[0]).not.toHaveProperty('frozenBy');
  });

  it('in a race notes who will freeze, freezes first, and frees the guard after the proof', async () => {
    onDump = async (order) => {
      expect(order).toMatchObject({ sequence: 'race', consistency: 'frozen' });
      order.onFrozen?.();
      Object.assign(container, { task: 'paused', freezer: 'frozen' });
      return dumped({ held });
    };
    const outcome = capture({ sequence: 'race' });
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ kind: 'captured', thaw: { acts: ['resume'] } });
    expect(story).toEqual([
      ...['queued', 'guarded', 'noted checkpointing', 'freezing', 'asked', 'checkpointing'],
      ...['thawing', 'released', 'completed', 'noted thawed', 'thawed'],
    ]);
    expect(noted[0]).toMatchObject({ frozenBy: 'freezer' });
  });

  it('without a guard is calm, whatever the rule asks for', async () => {
    guard = { state: 'absent', why: 'its socket is gone' };
    onDump = async ({ sequence, sequenceReason }) => {
      expect([sequence, sequenceReason]).toEqual([
        'calm',
        'no-guard: its socket is gone; the rule asks for race',
      ]);
      return dumped();
    };
    await capture({ sequence: 'race' });
    expect(story).not.toContain('freezing');
  });

  it('that is stuck keeps the guard on watch', async () => {
    container.onResume = () => {
      throw new StillpointError({ code: 'runtime-failed', message: 'no' });
    };
    onDump = async () => {
      Object.assign(container, { task: 'paused', freezer: 'frozen' });
      return dumped({ held });
    };
    const outcome = capture({ sequence: 'race' });
    await clock.advance(400_000);
    expect(await outcome).toMatchObject({ kind: 'captured', thaw: { end: 'stuck' } });
    expect(story).not.toContain('released');
  });

  it('that fails is cleared up after the thaw, and leaves no archive to wait for', async () => {
    onDump = async () => ({
      ...{ kind: 'failed', failure: 'established-tcp', message: 'tcp', mayFinishLater: false },
      discard: async () => void story.push('discarded'),
    });
    const outcome = await capture();
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'established-tcp' });
    expect(outcome).toHaveProperty('lateArchive', undefined);
    expect(story.slice(-4)).toEqual(['thawing', 'discarded', 'noted failed', 'failed']);
  });

  it('is lost when it cannot be completed: what is there is removed', async () => {
    const full = new StillpointError({ code: 'disk-low', message: 'no space' });
    onDump = async () => dumped({ complete: () => Promise.reject(full) });
    expect(await capture()).toMatchObject({ kind: 'failed', failure: 'disk-full' });
    expect(story).toContain('discarded');
  });
});

describe('the stop of a capture that leaves images', () => {
  it('counts the files only where they are taken meanwhile', async () => {
    expect(await capture()).toMatchObject({ predictedFreezeMs: 300 });
    expect(await capture({ sequence: 'race' })).toMatchObject({ predictedFreezeMs: 700 });
    expect(learnt).toEqual([
      { imageBytes: 10e6, layerBytes: 0, frozenMs: 250 },
      { imageBytes: 10e6, layerBytes: 4e6, frozenMs: 250 },
    ]);
  });

  it('teaches nothing where other bytes were copied meanwhile than was planned', async () => {
    onDump = async () => dumped({ unlikePlan: true });
    expect(await capture({ sequence: 'race' })).toMatchObject({ timings: { frozenMs: 250 } });
    expect(learnt).toEqual([]);
  });

  it('leaves the files for after the thaw where they would last too long', async () => {
    layerBytes = 400e6;
    onDump = async ({ consistency, sequenceReason }) => {
      expect([consistency, sequenceReason]).toEqual([
        'running',
        expect.stringMatching(/the rule asks for race; files after the thaw: would stand still/),
      ]);
      return dumped();
    };
    expect(await capture({ sequence: 'race' })).toMatchObject({ predictedFreezeMs: 300 });
  });

  it('is refused where the rule asks for frozen files that would last too long', async () => {
    layerBytes = 400e6;
    const refused = { kind: 'refused', reason: 'freeze-too-long' };
    expect(await capture({ consistency: 'frozen' })).toMatchObject(refused);
  });

  it('is bounded by what the probes forgive, for what can be cut off', async () => {
    probes = [
      {
        type: 'liveness',
        handler: 'httpGet',
        periodMs: 2_000,
        failureThreshold: 3,
        timeoutMs: 1_000,
      },
    ];
    onDump = async ({ freezeMsMax }) => {
      expect(freezeMsMax).toBe(4_000);
      return dumped();
    };
    expect(await capture()).toMatchObject({ kind: 'captured' });
  });
});

describe('a container that somebody else freezes after the guard has looked', () => {
  it('is left frozen, and nothing is asked', async () => {
    onNoted = () => {
      container.freezer = 'frozen';
    };
    expect(await capture()).toMatchObject({ kind: 'refused', reason: 'frozen-already' });
    expect(story).not.toContain('asked');
    expect(container).toMatchObject({ freezer: 'frozen', acts: [] });
  });

  it('is left frozen when the backend finds it so, and what it had made is removed', async () => {
    onDump = async () => {
      container.freezer = 'frozen';
      const discard = async () => void story.push('discarded');
      return { kind: 'frozen-already', detail: 'freezer frozen', discard };
    };
    expect(await capture()).toMatchObject({ kind: 'refused', detail: 'freezer frozen' });
    expect(story.slice(-3)).toEqual(['asked', 'discarded', 'failed']);
    expect(container).toMatchObject({ freezer: 'frozen', acts: [] });
  });
});

describe('what a rule asks for and its backend does not know', () => {
  it('is told with the reason for the backend', async () => {
    leavesImages = undefined;
    const options = { tcpEstablished: true, fileLocks: false, externalUnixSockets: false };
    const outcome = await capture({ sequence: 'race', options, images: 'memory' });
    const backendReason = 'knows no sequence, no options, no images in memory';
    expect(outcome).toMatchObject({ backendReason: expect.stringContaining(backendReason) });
    expect(await capture()).toMatchObject({ backendReason: expect.not.stringContaining('knows') });
  });
});
