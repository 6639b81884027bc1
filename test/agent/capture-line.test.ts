import { describe, expect, it } from '@jest/globals';
import { type CaptureLine, createCaptureLine } from '../../src/agent/capture-line.ts';
import type { KeepRequest, KeepResult } from '../../src/archive/index.ts';
import { createRandom, StillpointError } from '../../src/base/index.ts';
import type { CaptureOutcome, LateArchive } from '../../src/capture/index.ts';
import type { Dispatcher, Trigger } from '../../src/dispatch/index.ts';
import type { TriggerOutcome } from '../../src/outputs/index.ts';
import { REQUEST_RULE } from '../../src/rules/index.ts';
import { pod } from '../rules/support/bench.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { failed, recordOf } from '../support/outcomes.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { archivesThat, createHeardFacts, createTestDispatcher, settle } from './support/parts.ts';

const PATH = '/checkpoints/checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar';
const timings = { startedAtMs: 1_000, queuedMs: 5, guardMs: 20, checkpointMs: 300, frozenMs: 100 };

function captured(trigger: Trigger): CaptureOutcome {
  return {
    kind: 'captured',
    trigger,
    backend: 'cri',
    backendReason: 'auto: cri socket answers',
    archivePath: PATH,
    predictedFreezeMs: 400,
    timings,
  };
}

async function kept({ trigger }: KeepRequest): Promise<KeepResult> {
  const record = recordOf(trigger, {
    trigger: {
      id: trigger.id,
      acceptedMs: trigger.acceptedMs,
      causes: trigger.decisions.map(({ rule, reason, detail, atMs, signal }) => {
        return { rule, reason, detail, atMs, signal };
      }),
    },
  });
  return { kind: 'kept', record, facts: {} as never };
}

/** Rejects when the signal is aborted, as a proof does. */
function until(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => reject(new StillpointError({ code: 'cancelled', message: 'given up' }));
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp);
  });
}

interface Answers {
  capture?: (trigger: Trigger, signal: AbortSignal) => Promise<CaptureOutcome>;
  keep?: (request: KeepRequest, signal?: AbortSignal) => Promise<KeepResult>;
  mode?: 'enforce' | 'observe';
}

function rig({
  capture = async (trigger) => captured(trigger),
  keep = kept,
  mode = 'enforce',
}: Answers = {}) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const heard = createHeardFacts(clock);
  const late: { late: LateArchive; trigger: Trigger }[] = [];
  const keeps: KeepRequest[] = [];
  const stuck: string[] = [];
  let archived = 0;
  let pods = [pod()];
  const line: CaptureLine = createCaptureLine({
    node: 'node-1',
    capturer: { capture },
    archives: archivesThat({
      keep(request, signal) {
        keeps.push(request);
        return keep(request, signal);
      },
    }),
    late: {
      start: () => undefined,
      awaited: () => [],
      settled: async () => undefined,
      expect: (one, { trigger }) => late.push({ late: one, trigger }),
      stop: async () => undefined,
    },
    stuck: { add: ({ id }) => void stuck.push(id) },
    dispatcher: () => dispatcher,
    podOf: () => pods[0],
    mode: () => mode,
    onArchived: () => archived++,
    facts: heard.facts,
    clock,
    random: createRandom(1),
    log,
  });
  const dispatcher: Dispatcher = createTestDispatcher(clock, (trigger, signal) =>
    line.capture(trigger, signal),
  );
  dispatcher.start();
  return {
    clock,
    lines,
    heard,
    late,
    keeps,
    stuck,
    line,
    dispatcher,
    archived: () => archived,
    forgetPods: () => {
      pods = [];
    },
    /** Accepts a trigger and tells its end. */
    offer() {
      const acceptance = dispatcher.offer(fireOn(targetOf('a')));
      if (acceptance.kind !== 'accepted') throw new Error(acceptance.kind);
      return acceptance.trigger;
    },
    ends: (): TriggerOutcome[] => heard.of('ended').map(({ outcome }) => outcome),
    state: () => dispatcher.journal.recent(1)[0]?.state,
  };
}

describe('the line from trigger to archive', () => {
  it('captures, proves, journals and tells, in this order', async () => {
    const { heard, offer, state, archived, keeps } = rig();
    const trigger = offer();
    await settle();
    expect(heard.kinds()).toEqual(['capturing', 'capture-ended', 'ended']);
    expect(heard.of('ended')[0]?.outcome).toMatchObject({ kind: 'archived', trigger });
    expect(state()).toBe('recorded');
    expect(archived()).toBe(1);
    expect(keeps[0]).toMatchObject({ archivePath: PATH, node: 'node-1', backend: 'cri', timings });
  });

  it('records the pod as it was when its capture began', async () => {
    const one = rig({
      async capture(trigger) {
        one.forgetPods();
        return captured(trigger);
      },
    });
    one.offer();
    await settle();
    expect(one.keeps[0]?.pod?.name).toBe('cart');
  });

  it('hands over what still stands still, archive or none', async () => {
    const thaw = { end: 'stuck', tookMs: 300_000, acts: ['resume'] } as const;
    for (const end of [captured, failed]) {
      const { stuck, offer } = rig({
        capture: async (trigger) => ({ ...end(trigger), thaw }) as CaptureOutcome,
      });
      const { id } = offer();
      await settle();
      expect(stuck).toEqual([id]);
    }
  });

  it('hands every decision that joined meanwhile to the record', async () => {
    let finish: () => void = () => undefined;
    const { offer, dispatcher, keeps, ends } = rig({
      async capture(trigger) {
        await new Promise<void>((resolve) => (finish = resolve));
        return captured(trigger);
      },
    });
    offer();
    await settle();
    const joins = ['rule-b', 'rule-c'].map((rule) => fireOn(targetOf('a'), { rule }));
    for (const join of joins) expect(dispatcher.offer(join).kind).toBe('coalesced');
    finish();
    await settle();
    const rules = (trigger?: Trigger) => trigger?.decisions.map(({ rule }) => rule);
    expect(rules(keeps[0]?.trigger)).toEqual(['rule-a', 'rule-b', 'rule-c']);
    const [end] = ends();
    if (end?.kind !== 'archived') throw new Error('not archived');
    expect(end.record.trigger.causes.map(({ rule }) => rule)).toEqual([
      'rule-a',
      'rule-b',
      'rule-c',
    ]);
  });

  it('ends a refusal of the guard, which costs none of the hourly budget', async () => {
    const { offer, ends, state, dispatcher } = rig({
      capture: async (trigger) => ({
        kind: 'refused',
        trigger,
        reason: 'disk-low',
        detail: '1 MB',
      }),
    });
    offer();
    await settle();
    expect(ends()).toMatchObject([{ kind: 'refused', reason: 'disk-low', detail: '1 MB' }]);
    expect(state()).toBe('refused');
    expect(dispatcher.status().usedThisHour).toBe(0);
  });

  it('captures nothing of what waited when the agent was told to observe', async () => {
    const { offer, ends, state, keeps } = rig({ mode: 'observe' });
    offer();
    await settle();
    expect(ends()).toMatchObject([{ kind: 'refused', reason: 'observed' }]);
    expect(state()).toBe('refused');
    expect(keeps).toEqual([]);
  });

  it('captures what a person asked for, also while the agent observes', async () => {
    const { dispatcher, ends } = rig({ mode: 'observe' });
    dispatcher.offer(fireOn(targetOf('a'), { rule: REQUEST_RULE }));
    await settle();
    expect(ends()).toMatchObject([{ kind: 'archived' }]);
  });

  it('ends a failure, and waits for the archive that may still come', async () => {
    const lateArchive = { path: PATH, sinceMs: 1_000 };
    const { offer, ends, late, dispatcher } = rig({
      capture: async (trigger) => failed(trigger, { failure: 'timeout', lateArchive }),
    });
    const trigger = offer();
    await settle();
    expect(ends()).toMatchObject([{ kind: 'failed', failure: 'timeout' }]);
    expect(late).toMatchObject([{ late: lateArchive, trigger: { id: trigger.id } }]);
    expect(dispatcher.status().usedThisHour).toBe(1);
  });

  it('waits for nothing after a failure that can leave nothing', async () => {
    const { offer, late } = rig({ capture: async (trigger) => failed(trigger) });
    offer();
    await settle();
    expect(late).toEqual([]);
  });

  it('names an archive that is broken', async () => {
    const { offer, ends, state, archived, lines } = rig({
      keep: async () => ({
        kind: 'broken',
        archive: 'checkpoint-x.tar',
        findings: [{ code: 'member-missing', detail: 'config.dump' }],
        removal: { kind: 'removed' },
      }),
    });
    offer();
    await settle();
    expect(ends()).toMatchObject([
      { kind: 'broken', archive: 'checkpoint-x.tar', findings: [expect.stringMatching(/config/)] },
    ]);
    expect(state()).toBe('failed');
    expect(archived()).toBe(0);
    expect(lines).toMatchObject([{ level: 'error', event: 'archive-broken' }]);
  });

  it('tries again while the disk is full, and keeps the archive once there is room', async () => {
    let full = true;
    const { clock, offer, ends, state, keeps } = rig({
      async keep(request) {
        if (full) throw new StillpointError({ code: 'disk-low', message: 'no space left' });
        return kept(request);
      },
    });
    offer();
    await settle();
    expect(ends()).toEqual([]);
    expect(state()).toBe('verifying');
    await clock.advance(30_000);
    expect(keeps.length).toBeGreaterThan(2);
    full = false;
    await clock.advance(60_000);
    expect(ends()).toMatchObject([{ kind: 'archived' }]);
    expect(state()).toBe('recorded');
  });

  it('ends a trigger whose archive lies in a directory that is not ours', async () => {
    const { offer, ends, state, keeps, clock } = rig({
      async keep() {
        throw new StillpointError({ code: 'bad-config', message: 'not in the directory' });
      },
    });
    offer();
    await settle();
    await clock.advance(120_000);
    expect(keeps).toHaveLength(1);
    expect(ends()).toMatchObject([
      { kind: 'broken', findings: [expect.stringContaining('not in the directory')] },
    ]);
    expect(state()).toBe('failed');
  });

  it('is not held up by an archive that a mistake of ours keeps from being proved', async () => {
    let calls = 0;
    const { ends, dispatcher } = rig({
      async keep(request) {
        calls++;
        if (calls === 1) throw new RangeError('a bug');
        return kept(request);
      },
    });
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    await settle();
    expect(ends()).toMatchObject([
      { kind: 'broken', findings: ['a bug'] },
      { kind: 'archived', trigger: { target: targetOf('b') } },
    ]);
  });

  it('proves one archive after another, beside the next capture', async () => {
    const open: (() => void)[] = [];
    const one = rig({
      async keep(request) {
        await new Promise<void>((resolve) => open.push(resolve));
        return kept(request);
      },
    });
    one.dispatcher.offer(fireOn(targetOf('a')));
    one.dispatcher.offer(fireOn(targetOf('b')));
    await settle();
    expect(one.heard.of('capture-ended')).toHaveLength(2);
    expect(one.keeps).toHaveLength(1);
    open[0]?.();
    await settle();
    expect(one.keeps).toHaveLength(2);
    expect(one.ends()).toHaveLength(1);
    open[1]?.();
    await settle();
    expect(one.ends()).toHaveLength(2);
  });

  it('leaves what is not proved at a stop to the next start', async () => {
    const { offer, ends, state, line, dispatcher } = rig({
      async keep() {
        throw new StillpointError({ code: 'disk-low', message: 'no space left' });
      },
    });
    offer();
    await settle();
    await dispatcher.stop(0);
    await line.stop(20_000);
    expect(ends()).toEqual([]);
    expect(state()).toBe('verifying');
    expect(dispatcher.journal.unfinished()).toMatchObject([{ facts: { archivePath: PATH } }]);
  });

  it('ends the proof that is under way at a stop: there may be no next start', async () => {
    let end = (): void => undefined;
    const one = rig({
      async keep(request, signal) {
        await Promise.race([until(signal), new Promise<void>((resolve) => (end = resolve))]);
        return kept(request);
      },
    });
    one.offer();
    await settle();
    await one.dispatcher.stop(0);
    const stopped = one.line.stop(20_000);
    await one.clock.advance(19_999);
    end();
    await stopped;
    expect(one.ends()).toMatchObject([{ kind: 'archived' }]);
    expect(one.state()).toBe('recorded');
  });

  it('gives up a proof that takes longer than a stop may', async () => {
    const one = rig({ keep: (_, signal) => until(signal) });
    one.offer();
    await settle();
    const stopped = one.line.stop(20_000);
    await one.clock.advance(20_000);
    await stopped;
    expect(one.ends()).toEqual([]);
    expect(one.state()).toBe('verifying');
  });

  it('ends a trigger over a mistake of ours too, and takes the next', async () => {
    let calls = 0;
    const { offer, ends, dispatcher, lines } = rig({
      async capture(trigger) {
        calls++;
        if (calls === 1) throw new RangeError('a bug');
        return captured(trigger);
      },
    });
    offer();
    await settle();
    expect(ends()).toMatchObject([
      { kind: 'failed', failure: 'unknown', message: expect.stringContaining('a bug') },
    ]);
    expect(lines).toMatchObject([{ level: 'error', event: 'capture-broke' }]);
    expect(dispatcher.status().running).toBeUndefined();
    dispatcher.offer(fireOn(targetOf('b')));
    await settle();
    expect(ends()).toMatchObject([{ kind: 'failed' }, { kind: 'archived' }]);
  });
});
