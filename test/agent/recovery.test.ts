import { describe, expect, it } from '@jest/globals';
import type { LateRequest } from '../../src/agent/late-archives.ts';
import { requeueAll, takeUpAll } from '../../src/agent/recovery.ts';
import type { KeepRequest } from '../../src/archive/index.ts';
import { type LateArchive, recoverCaptures, recoveryRows } from '../../src/capture/index.ts';
import type { RuntimeClient } from '../../src/cri/index.ts';
import type { JournalFacts, JournalState } from '../../src/dispatch/index.ts';
import { openStore } from '../../src/store/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { createHeardFacts, createTestDispatcher, settle } from './support/parts.ts';

const PATH = '/checkpoints/checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar';
const BEGUN: JournalFacts = {
  backend: 'cri',
  backendReason: 'auto: cri socket answers',
  archivePath: PATH,
  predictedFreezeMs: 400,
  startedAtMs: Date.UTC(2026, 0, 1) + 100,
};

/** A trigger is left in that state by one agent and taken up by the next. */
async function takeUp(
  state: JournalState,
  facts: JournalFacts = {},
  downMs = 1_000,
  runtime?: RuntimeClient,
) {
  const clock = createFakeClock();
  const store = openStore(':memory:');
  const { log, lines } = createRecordingLog();
  const before = createTestDispatcher(clock, undefined, store);
  const accepted = before.offer(fireOn(targetOf('a')));
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  before.journal.note(accepted.trigger.id, state, facts);

  await clock.advance(downMs);
  const captured: string[] = [];
  const dispatcher = createTestDispatcher(
    clock,
    async ({ id }) => {
      captured.push(id);
      return 'begun';
    },
    store,
  );
  const heard = createHeardFacts(clock);
  const proved: KeepRequest[] = [];
  const late: LateArchive[] = [];
  const requests: LateRequest[] = [];
  const stuck: string[] = [];
  const unfinished = dispatcher.journal.unfinished();
  requeueAll({ dispatcher, facts: heard.facts, clock, log }, unfinished);
  const recovering = recoverCaptures(unfinished, { clock, log, runtime });
  await clock.advance(310_000);
  takeUpAll(
    {
      node: 'node-1',
      dispatcher,
      line: {
        capture: async () => 'begun',
        prove: (request) => void proved.push(request),
        stop: async () => undefined,
      },
      late: {
        start: () => undefined,
        expect(one, request) {
          late.push(one);
          requests.push(request);
        },
        awaited: () => [],
        settled: async () => undefined,
        stop: async () => undefined,
      },
      stuck: { add: ({ id }) => void stuck.push(id) },
      podOf: () => undefined,
      facts: heard.facts,
      clock,
      log,
    },
    await recovering,
  );
  dispatcher.start();
  await settle();
  const ends = heard.of('ended').map(({ outcome }) => outcome);
  const { id } = accepted.trigger;
  const now = dispatcher.journal.recent(1)[0]?.state;
  const noted = dispatcher.journal.stuck().map(({ trigger }) => trigger.id);
  return { id, lines, captured, proved, late, requests, ends, now, stuck, noted };
}

describe('what a crash left', () => {
  it.each<[JournalState]>([['queued'], ['guarded']])('%s is captured after all', async (state) => {
    const { id, captured, ends, lines } = await takeUp(state);
    expect(captured).toEqual([id]);
    expect(ends).toEqual([]);
    expect(lines).toMatchObject([{ event: 'trigger-recovered', fields: { decision: 'requeue' } }]);
  });

  it('queued is over when the agent was down for more than an hour', async () => {
    const { captured, ends, now } = await takeUp('queued', {}, 3_600_001);
    expect(captured).toEqual([]);
    expect(ends).toMatchObject([{ kind: 'refused', reason: 'expired' }]);
    expect(now).toBe('refused');
  });

  it.each<[JournalState]>([['checkpointing'], ['thawing']])(
    '%s is ended as interrupted, and its archive is waited for',
    async (state) => {
      const { id, captured, ends, late, now } = await takeUp(state, BEGUN);
      expect(captured).toEqual([]);
      expect(late).toEqual([{ path: PATH, sinceMs: BEGUN.startedAtMs }]);
      expect(ends).toMatchObject([
        {
          kind: 'failed',
          failure: 'cancelled',
          hint: expect.stringContaining('stillpoint capture'),
          backend: 'cri',
          trigger: { id },
          timings: { startedAtMs: BEGUN.startedAtMs, queuedMs: 100 },
          thaw: { end: 'unchecked' },
        },
      ]);
      expect(now).toBe('failed');
    },
  );

  it('checkpointing through containerd waits for the images that its archive is made of', async () => {
    const { requests } = await takeUp('checkpointing', { ...BEGUN, backend: 'containerd' });
    const images = PATH.replace('/checkpoints/', '/checkpoints/.stillpoint/images/');
    expect(requests).toMatchObject([{ imagesFolder: images.slice(0, -'.tar'.length) }]);
  });

  it('checkpointing through containerd, of a container that runs, has all its images', async () => {
    const begun: JournalFacts = { ...BEGUN, backend: 'containerd' };
    const { runtime } = createFakeContainerState();
    const { late } = await takeUp('checkpointing', begun, 1_000, runtime);
    expect(late).toEqual([{ path: PATH, sinceMs: BEGUN.startedAtMs, endedMs: expect.any(Number) }]);
  });

  it('checkpointing whose container cannot be thawed is thawed on and on', async () => {
    const container = createFakeContainerState();
    Object.assign(container, { task: 'paused', freezer: 'frozen', onResume: () => undefined });
    const { id, ends, now, stuck, noted } = await takeUp('checkpointing', BEGUN, 1_000, {
      ...container.runtime,
    });
    expect(ends).toMatchObject([{ kind: 'failed', thaw: { end: 'stuck' } }]);
    expect([now, stuck, noted]).toEqual(['failed', [id], [id]]);
  });

  it('checkpointing through the kubelet waits for a name that the kubelet chose', async () => {
    const { archivePath: _, ...facts } = { ...BEGUN, backend: 'kubelet' };
    const { late, ends } = await takeUp('checkpointing', facts);
    expect(late).toEqual([{ sinceMs: BEGUN.startedAtMs }]);
    expect(ends).toMatchObject([{ backend: 'kubelet' }]);
  });

  it.each<[JournalState]>([['thawed'], ['verifying']])('%s is proved', async (state) => {
    const timings = { guardMs: 20, checkpointMs: 3_000, frozenMs: 1_000 };
    const { id, proved, ends, captured } = await takeUp(state, { ...BEGUN, timings });
    expect(proved).toMatchObject([
      {
        archivePath: PATH,
        node: 'node-1',
        trigger: { id },
        backend: 'cri',
        predictedFreezeMs: 400,
        timings: { queuedMs: 100, ...timings },
      },
    ]);
    expect([...ends, ...captured]).toEqual([]);
  });

  it.each<[JournalState]>([['recorded'], ['refused'], ['failed']])('%s is over', async (state) => {
    const { captured, proved, late, ends, lines, now } = await takeUp(state, BEGUN);
    expect([...captured, ...proved, ...late, ...ends, ...lines]).toEqual([]);
    expect(now).toBe(state);
  });

  it('in a state of a newer version is treated as the most dangerous one', async () => {
    const { late, now } = await takeUp('dreaming' as JournalState, BEGUN);
    expect(late).toHaveLength(1);
    expect(now).toBe('failed');
  });

  it('has a test for each row', () => {
    const tested = ['queued', 'guarded', 'checkpointing', 'thawing', 'thawed', 'verifying'];
    const over = ['recorded', 'refused', 'failed'];
    expect(recoveryRows.map(({ state }) => state)).toEqual([...tested, ...over]);
  });
});
