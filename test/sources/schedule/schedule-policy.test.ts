import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../../src/base/index.ts';
import { jitterOf } from '../../../src/sources/schedule/due.ts';
import {
  createScheduleSource,
  type ScheduleEntry,
  type ScheduleSource,
} from '../../../src/sources/schedule/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string) => Date.parse(text);

const open: ScheduleSource[] = [];
afterEach(async () => {
  for (const source of open.splice(0)) await source.stop();
});

async function start(options: { now?: string; store?: Store; node?: string } = {}) {
  const clock = createFakeClock(at(options.now ?? '2026-01-01T00:30:00Z'));
  const ticks: string[] = [];
  const missed: string[] = [];
  const underWay = new Set<string>();
  const source = createScheduleSource({
    nodeName: options.node ?? 'node-1',
    isUnderWay: (rule) => underWay.has(rule),
    clock,
    log: {
      ...silentLogger,
      warn: (_event, fields = {}) => void missed.push(`${fields.count}: ${fields.why}`),
    },
    emit(signal) {
      if (signal.kind !== 'tick') return;
      const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
      const late = signal.seenMs === signal.scheduledMs ? '' : ` at ${time(signal.seenMs)}`;
      ticks.push(`${time(signal.scheduledMs)}${late}`);
    },
    onStatus: () => undefined,
    store: options.store,
  });
  open.push(source);
  await source.start();
  return { clock, source, ticks, missed, underWay };
}

function every(more: Partial<ScheduleEntry> = {}): ScheduleEntry {
  return {
    rule: 'hourly',
    cron: '0 * * * *',
    timeZone: 'UTC',
    concurrency: 'Allow',
    startingDeadlineMs: MINUTE,
    catchUp: 'none',
    jitterMs: 0,
    suspend: false,
    ...more,
  };
}

/** A store that knows that `hourly` ran at 01:00. */
function storeOfOne(): Store {
  const store = openStore(':memory:');
  store.run('INSERT INTO schedule_run VALUES (?, ?)', 'hourly', at('2026-01-01T01:00:00Z'));
  return store;
}

const LONG = { startingDeadlineMs: 30 * MINUTE };
const NOBODY = 'nobody looked when they came';

describe('times that passed while the agent did not run', () => {
  const rows: [
    situation: string,
    now: string,
    entry: Partial<ScheduleEntry>,
    ticks: string[],
    missed: string[],
  ][] = [
    ['none: not even one within the deadline', '04:20:00', LONG, [], [`3: ${NOBODY}`]],
    [
      'none: one of a minute ago is only late',
      '04:00:50',
      LONG,
      ['04:00:00 at 04:00:50'],
      [`2: ${NOBODY}`],
    ],
    [
      'latest: the last one, once',
      '04:20:00',
      { ...LONG, catchUp: 'latest' },
      ['04:00:00 at 04:20:00'],
      [`2: ${NOBODY}`],
    ],
    [
      'latest: not beyond the deadline',
      '04:30:01',
      { ...LONG, catchUp: 'latest' },
      [],
      [`3: ${NOBODY}`],
    ],
    ['latest: nothing was missed', '01:40:00', { ...LONG, catchUp: 'latest' }, [], []],
    [
      'suspended: they are not missed',
      '04:20:00',
      { ...LONG, catchUp: 'latest', suspend: true },
      [],
      [],
    ],
  ];
  it.each(rows)('%s', async (_, now, entry, ticks, missed) => {
    const run = await start({ now: `2026-01-01T${now}Z`, store: storeOfOne() });
    run.source.schedule([every(entry)]);
    await run.clock.advance(1);
    expect(run.ticks).toEqual(ticks);
    expect(run.missed).toEqual(missed);
  });

  it('latest: finds the last one after a year of absence', async () => {
    const run = await start({ now: '2027-02-03T04:20:00Z', store: storeOfOne() });
    run.source.schedule([every({ ...LONG, catchUp: 'latest' })]);
    await run.clock.advance(1);
    expect(run.ticks).toEqual(['04:00:00 at 04:20:00']);
  });

  it('a rule that comes back with a reload has missed nothing', async () => {
    const run = await start({ now: '2026-01-01T04:20:00Z', store: storeOfOne() });
    run.source.schedule([]);
    run.source.schedule([every({ ...LONG, catchUp: 'latest' })]);
    await run.clock.advance(1);
    expect(run.ticks).toEqual([]);
    expect(run.missed).toEqual([]);
  });

  it('what was suspended is not caught up by a restart after it', async () => {
    const store = storeOfOne();
    const before = await start({ now: '2026-01-01T01:30:00Z', store });
    before.source.schedule([every({ suspend: true })]);
    await before.clock.advance(2 * HOUR);
    await before.source.stop();
    const after = await start({ now: '2026-01-01T03:20:00Z', store });
    after.source.schedule([every({ ...LONG, catchUp: 'latest' })]);
    await after.clock.advance(1);
    expect(after.ticks).toEqual([]);
    await after.clock.advance(HOUR);
    expect(after.ticks).toEqual(['04:00:00']);
  });
});

describe('suspend', () => {
  it('holds the times back and lets the next one come when it ends', async () => {
    const run = await start();
    run.source.schedule([every({ suspend: true })]);
    await run.clock.advance(2 * HOUR);
    run.source.schedule([every({ ...LONG, catchUp: 'latest' })]);
    await run.clock.advance(HOUR);
    expect(run.ticks).toEqual(['03:00:00']);
    expect(run.missed).toEqual([]);
  });
});

describe('concurrency', () => {
  const forbid = { ...LONG, concurrency: 'Forbid' } as const;

  it('Allow: a time comes while captures of the last one are under way', async () => {
    const run = await start();
    run.underWay.add('hourly');
    run.source.schedule([every()]);
    await run.clock.advance(HOUR);
    expect(run.ticks).toEqual(['01:00:00']);
  });

  it('Forbid: a time waits until they have ended', async () => {
    const run = await start();
    run.source.schedule([every(forbid)]);
    run.underWay.add('hourly');
    await run.clock.advance(40 * MINUTE);
    expect(run.ticks).toEqual([]);
    run.underWay.clear();
    await run.clock.advance(5_000);
    expect(run.ticks).toEqual(['01:00:00 at 01:10:02']);
    await run.clock.advance(HOUR);
    expect(run.ticks).toEqual(['01:00:00 at 01:10:02', '02:00:00']);
  });

  it('Forbid: a time is given up at its deadline, and said', async () => {
    const run = await start();
    run.source.schedule([every(forbid)]);
    run.underWay.add('hourly');
    await run.clock.advance(HOUR + 5_000);
    run.underWay.clear();
    await run.clock.advance(10 * MINUTE);
    expect(run.ticks).toEqual([]);
    expect(run.missed).toEqual(['1: captures of its last time were under way until its deadline']);
    expect(run.source.dropped()).toEqual({ missed: 1 });
  });

  it('Forbid: of two times that wait only the newer is left', async () => {
    const run = await start();
    run.source.schedule([every({ ...forbid, startingDeadlineMs: 3 * HOUR })]);
    run.underWay.add('hourly');
    await run.clock.advance(2 * HOUR);
    run.underWay.clear();
    await run.clock.advance(5_000);
    expect(run.ticks).toEqual(['02:00:00 at 02:30:02']);
    expect(run.missed).toEqual(['1: the next time has come']);
  });

  it('Forbid: a reload that leaves the rule alone leaves its wait alone', async () => {
    const run = await start();
    run.source.schedule([every(forbid)]);
    run.underWay.add('hourly');
    await run.clock.advance(35 * MINUTE);
    run.source.schedule([every(forbid)]);
    run.underWay.clear();
    await run.clock.advance(2_000);
    expect(run.ticks).toEqual(['01:00:00 at 01:05:02']);
  });

  it('Forbid: other rules do not count', async () => {
    const run = await start();
    run.source.schedule([every(forbid)]);
    run.underWay.add('another');
    await run.clock.advance(HOUR);
    expect(run.ticks).toEqual(['01:00:00']);
  });
});

describe('jitter', () => {
  const jitterMs = 10 * MINUTE;

  it('is the same for a rule on a node always, and spread over nodes and rules', () => {
    expect(jitterOf('node-1', 'hourly', jitterMs)).toBe(jitterOf('node-1', 'hourly', jitterMs));
    const found = Array.from({ length: 1_000 }, (_, node) =>
      jitterOf(`node-${node}`, 'r', jitterMs),
    );
    expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...found)).toBeLessThan(jitterMs);
    const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
    expect(Math.abs(mean - jitterMs / 2)).toBeLessThan(jitterMs / 20);
    expect(jitterOf('node-1', 'a', jitterMs)).not.toBe(jitterOf('node-1', 'b', jitterMs));
  });

  it('begins each run later by the same, under its scheduled time', async () => {
    const late = jitterOf('node-7', 'hourly', jitterMs);
    const run = await start({ node: 'node-7' });
    run.source.schedule([every({ jitterMs })]);
    const firstMs = at('2026-01-01T01:00:00Z');
    await run.clock.advance(firstMs + late - run.clock.wallMs() - 1);
    expect(run.ticks).toEqual([]);
    await run.clock.advance(HOUR + 1);
    const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
    expect(run.ticks).toEqual([
      `01:00:00 at ${time(firstMs + late)}`,
      `02:00:00 at ${time(firstMs + late + HOUR)}`,
    ]);
  });

  it('is no lateness: a restart in between loses nothing', async () => {
    const late = jitterOf('node-7', 'hourly', jitterMs);
    expect(late).toBeGreaterThan(MINUTE);
    const run = await start({ node: 'node-7', now: '2026-01-01T02:00:30Z', store: storeOfOne() });
    run.source.schedule([every({ jitterMs })]);
    await run.clock.advance(jitterMs);
    expect(run.ticks).toHaveLength(1);
    expect(run.missed).toEqual([]);
  });
});

describe('a nightly 02:30 in Berlin', () => {
  const nightly = every({ cron: '30 2 * * *', timeZone: 'Europe/Berlin' });

  it('comes at 03:00 in the night that has no 02:30', async () => {
    const run = await start({ now: '2026-03-28T12:00:00Z' });
    run.source.schedule([nightly]);
    await run.clock.advance(48 * HOUR);
    expect(run.ticks).toEqual(['01:00:00', '00:30:00']);
  });

  it('comes once in the night that has it twice', async () => {
    const run = await start({ now: '2026-10-24T12:00:00Z' });
    run.source.schedule([nightly]);
    await run.clock.advance(48 * HOUR);
    expect(run.ticks).toEqual(['00:30:00', '01:30:00']);
  });

  it('comes once in that night also for an agent that restarts in between', async () => {
    const store = openStore(':memory:');
    const before = await start({ now: '2026-10-24T23:00:00Z', store });
    before.source.schedule([nightly]);
    await before.clock.advance(2 * HOUR);
    await before.source.stop();
    const after = await start({ now: '2026-10-25T01:10:00Z', store });
    after.source.schedule([{ ...nightly, catchUp: 'latest', startingDeadlineMs: 2 * HOUR }]);
    await after.clock.advance(2 * HOUR);
    expect([...before.ticks, ...after.ticks]).toEqual(['00:30:00']);
  });
});
