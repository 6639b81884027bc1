import { describe, expect, it } from '@jest/globals';
import { createRandom, StillpointError } from '../../src/base/index.ts';
import {
  createDispatcher,
  type DispatcherOptions,
  type Trigger,
} from '../../src/dispatch/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A dispatcher whose captures run until the test ends them. */
function setUp(overrides: Partial<DispatcherOptions> = {}, store: Store = openStore(':memory:')) {
  const clock = createFakeClock();
  const started: Trigger[] = [];
  const ends: ((result: 'begun' | 'not-begun') => void)[] = [];
  const signals: AbortSignal[] = [];
  const dispatcher = createDispatcher({
    store,
    clock,
    random: createRandom(1),
    capturesPerHourMax: 6,
    waitingMax: 10,
    capture: (trigger, signal) => {
      started.push(trigger);
      signals.push(signal);
      return new Promise((resolve) => {
        ends.push(resolve);
        signal.addEventListener('abort', () => resolve('begun'));
      });
    },
    ...overrides,
  });
  dispatcher.start();
  const end = async (result: 'begun' | 'not-begun' = 'begun') => {
    ends.shift()?.(result);
    await clock.advance(0);
  };
  return { clock, dispatcher, started, signals, end, store };
}

describe('accepting', () => {
  it('journals a trigger before its capture begins', () => {
    const { dispatcher, started } = setUp({
      capture: () => Promise.resolve('begun'),
    });
    const acceptance = dispatcher.offer(fireOn(targetOf('a')));
    expect(acceptance.kind).toBe('accepted');
    expect(started).toEqual([]);
    expect(dispatcher.journal.unfinished().map((entry) => entry.state)).toEqual(['queued']);
  });

  it('joins seven alerts about one container into one trigger, also while it runs', async () => {
    const { dispatcher, started, end } = setUp();
    const kinds = ['1', '2', '3', '4', '5', '6', '7'].map(
      (detail) => dispatcher.offer(fireOn(targetOf('a'), { detail })).kind,
    );
    expect(kinds).toEqual(['accepted', ...Array(6).fill('coalesced')]);
    expect(started).toHaveLength(1);
    const [entry] = dispatcher.journal.unfinished();
    expect(entry?.trigger.decisions.map((decision) => decision.detail)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
    ]);
    await end();
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('accepted');
  });

  it('captures again for a decision that came after the container ran on', async () => {
    const { dispatcher, started, end } = setUp();
    dispatcher.offer(fireOn(targetOf('a'), { atMs: 1_000, detail: 'first' }));
    dispatcher.offer(fireOn(targetOf('a'), { atMs: 1_500, detail: 'frozen' }));
    dispatcher.offer(fireOn(targetOf('a'), { atMs: 2_500, detail: 'late' }));
    const covered = dispatcher.cutOff(started[0]?.id ?? '', 2_000);
    expect(covered?.decisions.map(({ detail }) => detail)).toEqual(['first', 'frozen']);
    await end();
    expect(started[1]?.decisions.map(({ detail }) => detail)).toEqual(['late']);
    expect(dispatcher.journal.unfinished().map(({ trigger }) => trigger.decisions.length)).toEqual([
      2, 1,
    ]);
  });

  it('tells of which rules captures wait or run', async () => {
    const { dispatcher, end } = setUp();
    dispatcher.offer(fireOn(targetOf('a'), { rule: 'runs' }));
    dispatcher.offer(fireOn(targetOf('b'), { rule: 'waits' }));
    dispatcher.offer(fireOn(targetOf('b'), { rule: 'joined' }));
    const underWay = () =>
      ['runs', 'waits', 'joined', 'other'].filter((rule) => dispatcher.isUnderWay(rule));
    expect(underWay()).toEqual(['runs', 'waits', 'joined']);
    await end();
    expect(underWay()).toEqual(['waits', 'joined']);
    await end();
    expect(underWay()).toEqual([]);
  });

  it('does not join a trigger of another life of the container', () => {
    const { dispatcher } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    const reborn = targetOf('a', { containerId: 'b'.repeat(64) });
    expect(dispatcher.offer(fireOn(reborn)).kind).toBe('accepted');
  });

  it('keeps at most a hundred decisions in one trigger', () => {
    const { dispatcher } = setUp();
    for (let i = 0; i < 150; i++) dispatcher.offer(fireOn(targetOf('a')));
    expect(dispatcher.journal.unfinished()[0]?.trigger.decisions).toHaveLength(100);
  });

  it('writes nothing more for decisions beyond those, which join all the same', () => {
    const store = openStore(':memory:');
    let written = 0;
    const counting: Store = {
      ...store,
      run(sql, ...values) {
        written++;
        return store.run(sql, ...values);
      },
    };
    const { dispatcher } = setUp({}, counting);
    for (let i = 0; i < 100; i++) dispatcher.offer(fireOn(targetOf('a')));
    const before = written;
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('coalesced');
    expect(written).toBe(before);
  });

  it('refuses with the number and the time when the hour is used up', async () => {
    const { dispatcher, clock, end } = setUp({ capturesPerHourMax: 2 });
    for (const letter of ['a', 'b']) {
      dispatcher.offer(fireOn(targetOf(letter)));
      await end();
    }
    expect(dispatcher.offer(fireOn(targetOf('c')))).toEqual({
      kind: 'refused',
      reason: 'budget',
      detail: '2 of 2 an hour on this node, free again at 2026-01-01T01:00:00.000Z',
    });
    await clock.advance(3_600_001);
    expect(dispatcher.offer(fireOn(targetOf('c'))).kind).toBe('accepted');
  });

  it('counts waiting triggers against the hour', () => {
    const { dispatcher } = setUp({ capturesPerHourMax: 2 });
    const kinds = ['a', 'b', 'c'].map((letter) => dispatcher.offer(fireOn(targetOf(letter))).kind);
    expect(kinds).toEqual(['accepted', 'accepted', 'refused']);
  });

  it('gives the hour back when a guard refused before anything began', async () => {
    const { dispatcher, end } = setUp({ capturesPerHourMax: 1 });
    dispatcher.offer(fireOn(targetOf('a')));
    await end('not-begun');
    expect(dispatcher.offer(fireOn(targetOf('b'))).kind).toBe('accepted');
  });

  it('remembers the hour across a restart', async () => {
    const first = setUp({ capturesPerHourMax: 1 });
    first.dispatcher.offer(fireOn(targetOf('a')));
    await first.end();
    const second = setUp({ capturesPerHourMax: 1 }, first.store);
    expect(second.dispatcher.offer(fireOn(targetOf('b')))).toMatchObject({ reason: 'budget' });
  });

  it('refuses when too many wait', () => {
    const { dispatcher } = setUp({ capturesPerHourMax: 100, waitingMax: 1 });
    const [, , third] = ['a', 'b', 'c'].map((letter) => dispatcher.offer(fireOn(targetOf(letter))));
    expect(third).toMatchObject({ kind: 'refused', reason: 'busy' });
  });
});

describe('starting', () => {
  it('accepts before it is started, and captures then', () => {
    const store = openStore(':memory:');
    const started: Trigger[] = [];
    const dispatcher = createDispatcher({
      store,
      clock: createFakeClock(),
      random: createRandom(1),
      capturesPerHourMax: 6,
      waitingMax: 10,
      capture: async (trigger) => {
        started.push(trigger);
        return 'begun';
      },
    });
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('accepted');
    expect(started).toEqual([]);
    dispatcher.start();
    expect(started).toHaveLength(1);
  });
});

describe('ordering', () => {
  it('captures one at a time, the container that dies first before the one that waits longer', async () => {
    const { dispatcher, started, end } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    dispatcher.offer(fireOn(targetOf('c'), { deathExpectedAtMs: 9_000 }));
    dispatcher.offer(fireOn(targetOf('d'), { deathExpectedAtMs: 5_000 }));
    expect(started).toHaveLength(1);
    for (let i = 0; i < 3; i++) await end();
    expect(started.map((trigger) => trigger.target.pod)).toEqual([
      'cart-a',
      'cart-d',
      'cart-c',
      'cart-b',
    ]);
  });
});

describe('pausing and stopping', () => {
  it('stays paused over a restart until it is resumed', () => {
    const { dispatcher, store } = setUp();
    dispatcher.pause();
    const again = setUp({}, store).dispatcher;
    expect(again.status().paused).toBe(true);
    expect(again.offer(fireOn(targetOf('a')))).toMatchObject({ reason: 'paused' });
    again.resume();
    expect(setUp({}, store).dispatcher.status().paused).toBe(false);
  });

  it('accepts nothing while paused, and goes on with what waited when resumed', async () => {
    const { dispatcher, started, end } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    dispatcher.pause();
    await end();
    expect(started).toHaveLength(1);
    expect(dispatcher.offer(fireOn(targetOf('c')))).toMatchObject({ reason: 'paused' });
    dispatcher.resume();
    expect(started.map((trigger) => trigger.target.pod)).toEqual(['cart-a', 'cart-b']);
  });

  it('lets a capture end within the grace, then aborts it, and leaves the rest journalled', async () => {
    const { dispatcher, signals, clock } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    const stopped = dispatcher.stop(5_000);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(5_000);
    await stopped;
    expect(signals[0]?.aborted).toBe(true);
    expect(dispatcher.offer(fireOn(targetOf('c')))).toMatchObject({ reason: 'stopping' });
    expect(dispatcher.journal.unfinished().map((entry) => entry.trigger.target.pod)).toEqual([
      'cart-a',
      'cart-b',
    ]);
  });
});

describe('the journal', () => {
  it('gives back after a restart what was unfinished, with the facts noted on the way', () => {
    const { dispatcher, store } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    const [first, second] = dispatcher.journal.unfinished();
    dispatcher.journal.note(first?.trigger.id ?? '', 'checkpointing', { backend: 'cri' });
    dispatcher.journal.note(first?.trigger.id ?? '', 'thawed', { archivePath: '/c/x.tar' });
    dispatcher.journal.note(second?.trigger.id ?? '', 'refused');
    const after = setUp({}, store).dispatcher.journal.unfinished();
    expect(after).toHaveLength(1);
    expect(after[0]).toMatchObject({
      state: 'thawed',
      facts: { backend: 'cri', archivePath: '/c/x.tar' },
      trigger: { target: { pod: 'cart-a' } },
    });
  });

  it('captures again what it is told to requeue', () => {
    const { dispatcher, store } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    const again = setUp({}, store);
    for (const entry of again.dispatcher.journal.unfinished()) again.dispatcher.requeue(entry);
    expect(again.started.map((trigger) => trigger.target.pod)).toEqual(['cart-a']);
    expect(again.dispatcher.journal.unfinished()).toHaveLength(1);
  });

  it('drops ended entries that are old, and nothing that is unfinished', async () => {
    const { dispatcher, clock } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    const [first] = dispatcher.journal.unfinished();
    dispatcher.journal.note(first?.trigger.id ?? '', 'recorded');
    await clock.advance(1_000);
    const nowMs = clock.wallMs();
    expect(dispatcher.journal.prune({ endedMs: nowMs, refusedMs: nowMs })).toBe(1);
    expect(dispatcher.journal.unfinished()).toHaveLength(1);
  });

  it('keeps what may still stand still, also when it has ended', async () => {
    const { dispatcher, clock } = setUp();
    dispatcher.offer(fireOn(targetOf('a')));
    const id = dispatcher.journal.unfinished()[0]?.trigger.id ?? '';
    dispatcher.journal.note(id, 'recorded', { archivePath: '/a.tar', stuck: true });
    await clock.advance(1_000);
    const nowMs = clock.wallMs();
    expect(dispatcher.journal.prune({ endedMs: nowMs, refusedMs: nowMs })).toBe(0);
    expect(dispatcher.journal.stuck()).toMatchObject([{ trigger: { id }, state: 'recorded' }]);
    dispatcher.journal.noteFacts(id, { stuck: false });
    expect(dispatcher.journal.stuck()).toEqual([]);
    expect(dispatcher.journal.recent(1)).toMatchObject([
      { state: 'recorded', facts: { archivePath: '/a.tar' } },
    ]);
    expect(dispatcher.journal.prune({ endedMs: nowMs, refusedMs: nowMs })).toBe(1);
  });

  it('drops refused entries sooner than archives and failures', async () => {
    const { dispatcher, clock } = setUp();
    const states = ['recorded', 'failed', 'refused'] as const;
    for (const [index, state] of states.entries()) {
      dispatcher.offer(fireOn(targetOf(String(index))));
      const entry = dispatcher.journal.unfinished().at(-1);
      dispatcher.journal.note(entry?.trigger.id ?? '', state);
    }
    await clock.advance(1_000);
    expect(dispatcher.journal.prune({ endedMs: 0, refusedMs: clock.wallMs() })).toBe(1);
    expect(dispatcher.journal.recent(10).map(({ state }) => state)).toEqual(['failed', 'recorded']);
  });
});

describe('a store that fails', () => {
  /** A disk that is full for statements that fit, until the test says otherwise. */
  function failing() {
    const store = openStore(':memory:');
    const full = { of: /^$/ };
    const troubles: unknown[] = [];
    const broken: Store = {
      ...store,
      run(sql, ...values) {
        if (full.of.test(sql))
          throw new StillpointError({ code: 'store', message: 'disk is full' });
        return store.run(sql, ...values);
      },
    };
    const rig = setUp({ onTrouble: (error) => troubles.push(error) }, broken);
    return { ...rig, full, troubles };
  }

  it('refuses what cannot be journalled', () => {
    const { dispatcher, full, started } = failing();
    full.of = /trigger_journal/;
    expect(dispatcher.offer(fireOn(targetOf('a')))).toMatchObject({
      kind: 'refused',
      reason: 'not-writable',
      detail: expect.stringContaining('disk is full'),
    });
    expect(started).toEqual([]);
    full.of = /^$/;
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('accepted');
  });

  it('refuses a decision that cannot be journalled with the capture that it would join', () => {
    const { dispatcher, full } = failing();
    dispatcher.offer(fireOn(targetOf('a')));
    full.of = /UPDATE trigger_journal/;
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('refused');
    expect(dispatcher.status().running?.decisions).toHaveLength(1);
  });

  it('begins nothing that it cannot count, and begins it once it can', async () => {
    const { clock, dispatcher, full, started, troubles } = failing();
    full.of = /INTO capture_start/;
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('accepted');
    expect([started.length, troubles.length]).toEqual([0, 1]);
    expect(dispatcher.status().waiting).toBe(1);
    full.of = /^$/;
    await clock.advance(1_000);
    expect(started).toHaveLength(1);
    expect(dispatcher.status().waiting).toBe(0);
  });

  it('goes on with the next when a refusal cannot be given back to the budget', async () => {
    const { dispatcher, full, started, end, troubles } = failing();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b')));
    full.of = /DELETE FROM capture_start WHERE trigger_id/;
    await end('not-begun');
    expect(troubles).toHaveLength(1);
    expect(started).toHaveLength(2);
  });

  it('does not hide a mistake of ours', () => {
    const store = openStore(':memory:');
    const run = () => {
      throw new RangeError('a bug');
    };
    const { dispatcher } = setUp({}, { ...store, run });
    expect(() => dispatcher.offer(fireOn(targetOf('a')))).toThrow('a bug');
  });
});
