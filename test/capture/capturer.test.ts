import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import {
  type Backend,
  type CaptureOutcome,
  type CaptureState,
  type CheckpointReply,
  type CheckpointRequest,
  createCapturer,
} from '../../src/capture/index.ts';
import type { JournalFacts, JournalState, Trigger } from '../../src/dispatch/index.ts';
import type { PodFact } from '../../src/signal/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  createFakeContainerState,
  type FakeContainerState,
} from '../support/fake-container-state.ts';
import { podFactOf } from '../support/pod-facts.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const target = targetOf('a');
/** What the clock of each test says first. */
const BEGUN_MS = Date.UTC(2026, 0, 1);
const tempDir = useTempDirs();

let clock: FakeClock;
let container: FakeContainerState;
let lines: LogLine[];
/** What happened, in order: states, notes of the journal, the call of the backend. */
let story: string[];
let onCheckpoint: (request: CheckpointRequest, signal: AbortSignal) => Promise<CheckpointReply>;
let note: (state: JournalState, facts?: JournalFacts) => void;
let pod: PodFact | undefined;
let learnt: object[];

beforeEach(() => {
  clock = createFakeClock();
  container = createFakeContainerState();
  story = [];
  learnt = [];
  onCheckpoint = async ({ archivePath }) => done(archivePath);
  note = (state) => {
    story.push(`noted ${state}`);
  };
  pod = podFactOf(target);
});

function done(archivePath: string): CheckpointReply {
  writeFileSync(archivePath, 'archive');
  return { kind: 'done', archivePath };
}

function failedWith(
  failure: Extract<CheckpointReply, { kind: 'failed' }>['failure'],
  mayFinishLater = false,
): CheckpointReply {
  return { kind: 'failed', failure, message: `fake: ${failure}`, mayFinishLater };
}

function makeBackend(choosesPath: boolean): Backend {
  return {
    name: choosesPath ? 'cri' : 'kubelet',
    choosesPath,
    costs: { bytesPerSecond: 100e6, layerBytesPerSecond: 10e6, fixedMs: 200 },
    availability: () => Promise.resolve({ kind: 'available', why: 'fake' }),
    checkpoint(request, signal) {
      story.push('asked');
      return onCheckpoint(request, signal);
    },
  };
}

function makeCapturer({ choosesPath = true, directory = tempDir() } = {}) {
  const recording = createRecordingLog();
  lines = recording.lines;
  return createCapturer({
    clock,
    log: recording.log,
    runtime: container.runtime,
    node: container.node,
    backends: [makeBackend(choosesPath)],
    podOf: () => pod,
    denyReason: (given) => (given.isStatic ? 'static pod' : undefined),
    places: { checkpointsDirectory: directory },
    evictionHard: () => ({}),
    diskSpace: (path) => ({ path, device: 1, totalBytes: 1e12, availableBytes: 9e11 }),
    rates: {
      costs: (_, unlearnt) => ({ ...unlearnt, learnt: false }),
      learn: (_, seen) => {
        learnt.push(seen);
      },
    },
    journal: { note: (_, state, facts) => note(state, facts) },
    onState: ({ kind }: CaptureState) => {
      story.push(kind);
    },
  });
}

function triggerOf(change: Partial<Trigger> = {}): Trigger {
  const decisions = [fireOn(target)];
  return { id: 't-1', target, acceptedMs: clock.wallMs() - 250, decisions, ...change };
}

const never = new AbortController().signal;

describe('a capture', () => {
  it('goes through its states in order, noted before the checkpoint and after the thaw', async () => {
    const outcome = await makeCapturer().capture(triggerOf(), never);
    expect(story).toEqual([
      'queued',
      'guarded',
      'noted checkpointing',
      'checkpointing',
      'asked',
      'thawing',
      'noted thawed',
      'thawed',
    ]);
    expect(outcome).toMatchObject({
      kind: 'captured',
      backend: 'cri',
      backendReason: 'auto: containerd: not configured; cri: fake',
      predictedFreezeMs: 300,
      timings: { queuedMs: 250 },
      thaw: { end: 'runs', acts: [] },
    });
    expect(lines).toEqual([]);
  });

  it('notes what a crash must find: backend, path, prediction, begin', async () => {
    const noted: [JournalState, JournalFacts | undefined][] = [];
    note = (state, facts) => noted.push([state, facts]);
    const directory = tempDir();
    await makeCapturer({ directory }).capture(triggerOf(), never);
    const name = 'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.000Z.tar';
    const archivePath = `${directory}/${name}`;
    expect(noted).toEqual([
      [
        'checkpointing',
        {
          backend: 'cri',
          backendReason: 'auto: containerd: not configured; cri: fake',
          archivePath,
          predictedFreezeMs: 300,
          startedAtMs: clock.wallMs(),
        },
      ],
      ['thawed', { archivePath, timings: { guardMs: 0, checkpointMs: 0 } }],
    ]);
  });

  it('measures how long the container stood still, and learns from it', async () => {
    onCheckpoint = async ({ archivePath }) => {
      container.freezer = 'frozen';
      await clock.sleep(500);
      container.freezer = 'thawed';
      return done(archivePath);
    };
    const running = makeCapturer().capture(triggerOf(), never);
    await clock.advance(600);
    const outcome = (await running) as Extract<CaptureOutcome, { kind: 'captured' }>;
    expect(outcome.timings.checkpointMs).toBe(500);
    expect(outcome.timings.frozenMs).toBeGreaterThan(485);
    expect(learnt).toEqual([
      { imageBytes: 10e6, layerBytes: 0, frozenMs: outcome.timings.frozenMs },
    ]);
  });

  it('counts a freeze until the thaw check is through, and learns nothing from one it cured', async () => {
    onCheckpoint = async ({ archivePath }) => {
      Object.assign(container, { task: 'paused', freezer: 'frozen' });
      return done(archivePath);
    };
    container.onResume = () => {
      if (container.acts.length < 4) {
        throw new StillpointError({ code: 'runtime-failed', message: 'not yet' });
      }
      Object.assign(container, { task: 'running', freezer: 'thawed' });
    };
    const running = makeCapturer().capture(triggerOf(), never);
    await clock.advance(1_000);
    const outcome = (await running) as Extract<CaptureOutcome, { kind: 'captured' }>;
    expect(outcome.thaw?.acts).toEqual(['resume', 'resume', 'resume', 'resume']);
    expect(outcome.timings.frozenMs).toBeGreaterThan(50);
    expect(learnt).toEqual([]);
    expect(lines.at(-1)?.event).toBe('thaw-was-needed');
  });

  it('stands when nothing can be written down after it', async () => {
    note = (state) => {
      if (state === 'thawed') throw new StillpointError({ code: 'store', message: 'disk full' });
    };
    expect((await makeCapturer().capture(triggerOf(), never)).kind).toBe('captured');
    expect(lines).toMatchObject([{ level: 'error', event: 'capture-not-noted' }]);
  });
});

describe('a capture is refused, and nothing is asked,', () => {
  it.each<[string, string, () => void]>([
    [
      'when its pod is on the deny list',
      'denied',
      () => Object.assign(pod ?? {}, { isStatic: true }),
    ],
    ['when somebody else froze it', 'frozen-already', () => (container.freezer = 'frozen')],
    ['when its task is paused', 'frozen-already', () => (container.task = 'paused')],
    ['when it is gone', 'expired', () => (container.task = 'gone')],
    ['when it is too large', 'freeze-too-long', () => (container.imageBytes = 3e9)],
    ['when a tracer sits in it', 'busy', () => (container.traced = true)],
    [
      'when the journal cannot be written',
      'not-writable',
      () => {
        note = () => {
          throw new StillpointError({ code: 'store', message: 'disk full' });
        };
      },
    ],
  ])('%s', async (_, reason, arrange) => {
    arrange();
    const outcome = await makeCapturer().capture(triggerOf(), never);
    expect(outcome).toMatchObject({ kind: 'refused', reason });
    expect(story).not.toContain('asked');
    expect(container.acts).toEqual([]);
  });

  it('when the agent stops before it began', async () => {
    const outcome = await makeCapturer().capture(triggerOf(), AbortSignal.abort());
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'stopping' });
  });

  it('when the rule names a backend that is not there', async () => {
    const capture = { ...fireOn(target).capture, via: 'kubelet' as const };
    const decisions = [fireOn(target, { capture })];
    const outcome = await makeCapturer().capture(triggerOf({ decisions }), never);
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'no-backend' });
  });

  it('when a capture of the same container has not ended', async () => {
    const gate = Promise.withResolvers<CheckpointReply>();
    const begun = Promise.withResolvers<void>();
    onCheckpoint = () => {
      begun.resolve();
      return gate.promise;
    };
    const capturer = makeCapturer();
    const first = capturer.capture(triggerOf(), never);
    await begun.promise;
    expect(await capturer.capture(triggerOf(), never)).toMatchObject({ reason: 'busy' });
    gate.resolve(failedWith('unknown'));
    await first;
    onCheckpoint = async ({ archivePath }) => done(archivePath);
    expect((await capturer.capture(triggerOf(), never)).kind).toBe('captured');
  });

  it('when the container failed twice in a way that cannot pass, until its next life or by hand', async () => {
    onCheckpoint = () => Promise.resolve(failedWith('io-uring'));
    const capturer = makeCapturer();
    for (const kind of ['failed', 'failed', 'refused']) {
      expect((await capturer.capture(triggerOf(), never)).kind).toBe(kind);
    }
    const refused = await capturer.capture(triggerOf(), never);
    expect(refused).toMatchObject({
      reason: 'uncapturable',
      detail: expect.stringContaining('io-uring'),
    });
    const nextLife = triggerOf({ target: targetOf('b') });
    expect((await capturer.capture(nextLife, never)).kind).toBe('failed');
    const signal = { kind: 'request', occurredMs: 0, seenMs: 0, text: '', data: {} } as const;
    const byHand = triggerOf({ decisions: [fireOn(targetOf('a'), { signal })] });
    expect((await capturer.capture(byHand, never)).kind).toBe('failed');
  });
});

describe('a capture that fails', () => {
  it('names class and hint, and removes the partial file of a call that is over', async () => {
    let path = '';
    onCheckpoint = ({ archivePath }) => {
      path = archivePath;
      writeFileSync(archivePath, 'half');
      return Promise.resolve(failedWith('disk-full'));
    };
    const outcome = await makeCapturer().capture(triggerOf(), never);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'disk-full',
      message: 'fake: disk-full',
      retryable: true,
      thaw: { end: 'runs' },
    });
    expect([existsSync(path), (outcome as { lateArchive?: object }).lateArchive]).toEqual([
      false,
      undefined,
    ]);
    expect(story.slice(-3)).toEqual(['thawing', 'noted failed', 'failed']);
  });

  it('takes the hint of the other side where it knows better', async () => {
    onCheckpoint = () =>
      Promise.resolve({
        ...failedWith('forbidden'),
        hint: 'grant it to system:x',
      } as CheckpointReply);
    const outcome = await makeCapturer().capture(triggerOf(), never);
    expect(outcome).toMatchObject({ failure: 'forbidden', hint: 'grant it to system:x' });
  });

  it('leaves the file of a call that may go on, and names it', async () => {
    let path = '';
    onCheckpoint = ({ archivePath }) => {
      path = archivePath;
      writeFileSync(archivePath, 'half');
      return Promise.resolve(failedWith('unreachable', true));
    };
    const running = makeCapturer().capture(triggerOf(), never);
    await clock.advance(5_000);
    expect(await running).toMatchObject({ kind: 'failed', lateArchive: { path } });
    expect(existsSync(path)).toBe(true);
  });

  it.each([
    ['disk-full', false, { sinceMs: BEGUN_MS, endedMs: BEGUN_MS }],
    ['timeout', true, { sinceMs: BEGUN_MS }],
    ['forbidden', false, undefined],
    ['target-gone', false, undefined],
  ] as const)('of the kubelet names when its file began, if any: %s', async (why, may, late) => {
    onCheckpoint = () => Promise.resolve(failedWith(why, may));
    const running = makeCapturer({ choosesPath: false }).capture(triggerOf(), never);
    await clock.advance(5_000);
    expect(await running).toHaveProperty('lateArchive', late);
  });

  it.each([
    ['failed', 'failed', () => failedWith('freeze-failed')],
    ['captured', 'thawed', done],
  ] as const)('is noted as stuck when it could not be thawed: %s', async (kind, state, reply) => {
    const facts: (JournalFacts | undefined)[] = [];
    note = (noted, given) => void (noted === state && facts.push(given));
    onCheckpoint = async ({ archivePath }) => {
      Object.assign(container, { task: 'paused', freezer: 'frozen', onResume: () => undefined });
      return reply(archivePath);
    };
    const running = makeCapturer().capture(triggerOf(), never);
    await clock.advance(400_000);
    expect(await running).toMatchObject({ kind, thaw: { end: 'stuck' } });
    expect(facts).toMatchObject([{ stuck: true }]);
  });

  it('is thawed first when the stop of the agent cut it off', async () => {
    const stop = new AbortController();
    onCheckpoint = async (_, signal) => {
      Object.assign(container, { task: 'paused', freezer: 'thawed', traced: true });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return failedWith('cancelled', true);
    };
    const running = makeCapturer().capture(triggerOf(), stop.signal);
    await clock.advance(50);
    stop.abort();
    await clock.advance(1_000);
    expect(story.at(-1)).toBe('thawing');
    Object.assign(container, { freezer: 'frozen', traced: false });
    await clock.advance(5_000);
    expect(await running).toMatchObject({
      kind: 'failed',
      failure: 'cancelled',
      thaw: { end: 'runs', acts: ['resume'] },
    });
  });

  it('is thawed also after a mistake inside the backend', async () => {
    onCheckpoint = () => {
      Object.assign(container, { task: 'paused', freezer: 'frozen' });
      return Promise.reject(new TypeError('undefined is not a function'));
    };
    const running = makeCapturer().capture(triggerOf(), never);
    await clock.advance(5_000);
    expect(await running).toMatchObject({
      kind: 'failed',
      failure: 'unknown',
      message: 'cri backend: undefined is not a function',
      thaw: { end: 'runs', acts: ['resume'] },
    });
  });

  it('is named by the log of CRIU when the runtime says only that it failed', async () => {
    const bundle = `${tempDir()}/${target.containerId}`;
    mkdirSync(bundle);
    const line = 'unix: External socket is used. Consider using --ext-unix-sk option.';
    writeFileSync(`${bundle}/criu-dump.log`, `Error (criu/sk-unix.c:1): ${line}`);
    const message = `criu failed: type DUMP errno 0 path= ${bundle}/criu-dump.log: unknown`;
    onCheckpoint = () =>
      Promise.resolve({ kind: 'failed', failure: 'unknown', message, mayFinishLater: false });
    const outcome = await makeCapturer().capture(triggerOf(), never);
    expect(outcome).toMatchObject({ failure: 'external-socket', message });
  });
});
