import { afterEach, describe, expect, it } from '@jest/globals';
import { StillpointError, silentLogger } from '../../../src/base/index.ts';
import type { TickSignal } from '../../../src/signal/index.ts';
import {
  createScheduleSource,
  type ScheduleEntry,
  type ScheduleSource,
} from '../../../src/sources/schedule/index.ts';
import type { SourceStatus } from '../../../src/sources/source.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);

interface Running {
  clock: FakeClock;
  source: ScheduleSource;
  ticks: string[];
  signals: TickSignal[];
  statuses: SourceStatus[];
  logged: { event: string; fields: Record<string, unknown> }[];
  /** Rules whose captures wait or run. */
  underWay: Set<string>;
}

const running: ScheduleSource[] = [];
afterEach(async () => {
  for (const source of running.splice(0)) await source.stop();
});

async function start(
  options: { now?: string; store?: Store; node?: string } = {},
): Promise<Running> {
  const clock = createFakeClock(at(options.now ?? '2026-01-01T00:30:00Z'));
  const result: Omit<Running, 'source'> = {
    clock,
    ticks: [],
    signals: [],
    statuses: [],
    logged: [],
    underWay: new Set(),
  };
  const source = createScheduleSource({
    nodeName: options.node ?? 'node-1',
    isUnderWay: (rule) => result.underWay.has(rule),
    clock,
    log: {
      ...silentLogger,
      warn: (event, fields = {}) => void result.logged.push({ event, fields }),
    },
    emit: (signal) => {
      if (signal.kind !== 'tick') return;
      result.signals.push(signal);
      result.ticks.push(
        `${signal.rule} ${new Date(signal.scheduledMs).toISOString().slice(11, 19)}`,
      );
    },
    onStatus: (_name, status) => result.statuses.push(status),
    ...(options.store ? { store: options.store } : {}),
  });
  running.push(source);
  await source.start();
  return { ...result, source };
}

const plain = {
  timeZone: 'UTC',
  concurrency: 'Allow',
  startingDeadlineMs: 60_000,
  catchUp: 'none',
  jitterMs: 0,
  suspend: false,
} as const;
const hourly: ScheduleEntry = { ...plain, rule: 'hourly', cron: '0 * * * *' };
const nightly: ScheduleEntry = { ...plain, rule: 'nightly', cron: '0 2 * * *' };

describe('a schedule', () => {
  it('ticks at its times, exactly', async () => {
    const { clock, source, ticks, signals } = await start();
    source.schedule([hourly]);
    await clock.advance(HOUR / 2 - 1);
    expect(ticks).toEqual([]);
    await clock.advance(1);
    expect(signals).toEqual([
      {
        kind: 'tick',
        rule: 'hourly',
        scheduledMs: at('2026-01-01T01:00:00Z'),
        occurredMs: at('2026-01-01T01:00:00Z'),
        seenMs: at('2026-01-01T01:00:00Z'),
      },
    ]);
    await clock.advance(2 * HOUR);
    expect(ticks).toEqual(['hourly 01:00:00', 'hourly 02:00:00', 'hourly 03:00:00']);
  });

  it('of the same time as another: both tick', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([hourly, nightly, { ...nightly, rule: 'twin' }]);
    await clock.advance(1.5 * HOUR);
    expect(ticks).toEqual([
      'hourly 01:00:00',
      'hourly 02:00:00',
      'nightly 02:00:00',
      'twin 02:00:00',
    ]);
  });

  it('counts in its own time zone', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([{ ...nightly, timeZone: 'Asia/Kolkata' }]);
    await clock.advance(24 * HOUR);
    expect(ticks).toEqual(['nightly 20:30:00']);
  });
});

describe('the wall clock', () => {
  it('goes back an hour: nothing is repeated', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([hourly]);
    await clock.advance(HOUR);
    clock.setWall(clock.wallMs() - HOUR);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00']);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00', 'hourly 02:00:00']);
  });

  it('goes back by days, so it was wrong before: the schedule begins anew', async () => {
    const { clock, source, ticks, logged } = await start({ now: '2026-03-01T00:30:00Z' });
    source.schedule([hourly]);
    await clock.advance(HOUR);
    clock.setWall(at('2026-01-01T00:30:00Z'));
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00', 'hourly 01:00:00']);
    expect(logged.map(({ event }) => event)).toEqual(['schedule-clock-went-back']);
  });

  it('goes on by less than a minute: the time in between ticks within a minute', async () => {
    const { clock, source, ticks } = await start({ now: '2026-01-01T00:59:20Z' });
    source.schedule([hourly]);
    await clock.advance(1_000);
    clock.setWall(clock.wallMs() + 45_000);
    await clock.advance(60_000);
    expect(ticks).toEqual(['hourly 01:00:00']);
  });

  it('goes on by hours: what lies in between is missed, and said', async () => {
    const { clock, source, ticks, logged } = await start();
    source.schedule([hourly]);
    clock.setWall(at('2026-01-01T03:30:00Z'));
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 04:00:00']);
    expect(source.dropped()).toEqual({ missed: 3 });
    expect(logged).toEqual([
      {
        event: 'schedule-missed',
        fields: {
          rule: 'hourly',
          why: 'nobody looked when they came',
          count: 3,
          countIsAtLeast: false,
          first: '2026-01-01T01:00:00.000Z',
          last: '2026-01-01T03:00:00.000Z',
        },
      },
    ]);
  });
});

describe('a restart', () => {
  it('does not repeat a time that ticked before it', async () => {
    const store = openStore(':memory:');
    const before = await start({ now: '2026-01-01T00:59:00Z', store });
    before.source.schedule([hourly]);
    await before.clock.advance(60_000);
    expect(before.ticks).toEqual(['hourly 01:00:00']);
    await before.source.stop();
    const after = await start({ now: '2026-01-01T01:00:20Z', store });
    after.source.schedule([hourly]);
    await after.clock.advance(HOUR);
    expect(after.ticks).toEqual(['hourly 02:00:00']);
    expect(after.source.dropped()).toEqual({ missed: 0 });
  });

  it('of a few seconds across the time still ticks; a long one misses it and says so', async () => {
    for (const [now, ticks, missed] of [
      ['2026-01-01T02:00:20Z', ['hourly 02:00:00'], 0],
      ['2026-01-01T02:20:00Z', [], 1],
    ] as const) {
      const store = openStore(':memory:');
      store.run('INSERT INTO schedule_run VALUES (?, ?)', 'hourly', at('2026-01-01T01:00:00Z'));
      const after = await start({ now, store });
      after.source.schedule([hourly]);
      await after.clock.advance(1);
      expect(after.ticks).toEqual(ticks);
      expect(after.source.dropped()).toEqual({ missed });
    }
  });
});

describe('a reload', () => {
  it('takes away, adds, and leaves alone what did not change', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([hourly, nightly]);
    await clock.advance(HOUR);
    source.schedule([{ ...hourly }, { ...plain, rule: 'half', cron: '30 * * * *' }]);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00', 'hourly 02:00:00', 'half 02:30:00']);
  });

  it('with another cron line begins now', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([nightly]);
    await clock.advance(10 * HOUR);
    source.schedule([{ ...nightly, cron: '0 9 * * *' }]);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['nightly 02:00:00']);
    expect(source.dropped()).toEqual({ missed: 0 });
  });
});

describe('a schedule that cannot run', () => {
  it('degrades the source and leaves the others alone, until it is taken away', async () => {
    const { clock, source, ticks } = await start();
    source.schedule([{ ...nightly, cron: '0 0 31 2 *' }, hourly]);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00']);
    expect(source.status()).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('rule nightly'),
    });
    source.schedule([hourly]);
    expect(source.status().state).toBe('live');
  });
});

describe('a state database that cannot be written', () => {
  it('degrades the source, and the tick comes all the same', async () => {
    const store = openStore(':memory:');
    const broken: Store = {
      ...store,
      run: () => {
        throw new StillpointError({ code: 'store', message: 'disk full' });
      },
    };
    const { clock, source, ticks } = await start({ store: broken });
    source.schedule([hourly]);
    await clock.advance(HOUR);
    expect(ticks).toEqual(['hourly 01:00:00']);
    expect(source.status()).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('disk full'),
    });
  });
});

describe('stop', () => {
  it('leaves no timer, and nothing ticks after it', async () => {
    const { clock, source, ticks, statuses } = await start();
    source.schedule([hourly]);
    await source.stop();
    expect(clock.waiting()).toBe(0);
    source.schedule([hourly]);
    await clock.advance(2 * HOUR);
    expect(ticks).toEqual([]);
    expect(statuses.map(({ state }) => state)).toEqual(['live', 'stopped']);
  });
});
