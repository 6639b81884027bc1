import { describe, expect, it } from '@jest/globals';
import { nextCronMs } from '../../../src/base/index.ts';
import { dueAt, startCursorMs } from '../../../src/sources/schedule/due.ts';

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) =>
  ms === undefined ? undefined : new Date(ms).toISOString().replace('.000Z', 'Z');

function due(cron: string, zone: string, cursor: string, now: string) {
  const result = dueAt((afterMs) => nextCronMs(cron, zone, afterMs), at(cursor), at(now));
  return {
    tick: iso(result.tickMs),
    missed: result.missed?.count ?? 0,
    cursor: iso(result.cursorMs),
    next: iso(result.nextMs),
  };
}

describe('what is due', () => {
  it.each([
    ['nothing yet', '00:59:59', undefined, 0, '2026-01-01T01:00:00Z'],
    ['a time that has just come', '01:00:00', '2026-01-01T01:00:00Z', 0, '2026-01-01T02:00:00Z'],
    ['a time up to a minute ago', '01:01:00', '2026-01-01T01:00:00Z', 0, '2026-01-01T02:00:00Z'],
    ['no longer than that', '01:01:01', undefined, 1, '2026-01-01T02:00:00Z'],
    ['the last of several', '03:00:30', '2026-01-01T03:00:00Z', 2, '2026-01-01T04:00:00Z'],
  ])('%s', (_name, now, tick, missed, next) => {
    const found = due('0 * * * *', 'UTC', '2026-01-01T00:30:00Z', `2026-01-01T${now}Z`);
    expect(found).toMatchObject({ tick, missed, next });
  });

  it('counts a long absence up to a bound and then seeks the last time', () => {
    const dates: number[] = [];
    const next = (afterMs: number) => {
      dates.push(afterMs);
      return nextCronMs('* * * * *', 'UTC', afterMs);
    };
    const result = dueAt(next, at('2025-01-01T00:00:00Z'), at('2026-01-01T00:00:10Z'));
    expect(result.tickMs).toBe(at('2026-01-01T00:00:00Z'));
    expect(result.missed).toMatchObject({ isAtLeast: true, firstMs: at('2025-01-01T00:01:00Z') });
    expect(dates.length).toBeLessThan(140);
  });
});

describe('the night when New York skips an hour (2026-03-08, 02:00 to 03:00)', () => {
  it.each([
    ['a daily 02:30 comes at 03:00', '30 2 * * *', '2026-03-08T06:59:00Z', '2026-03-08T07:00:00Z'],
    ['an hourly time goes on', '0 * * * *', '2026-03-08T06:00:00Z', '2026-03-08T07:00:00Z'],
  ])('%s', (_name, cron, cursor, tick) => {
    expect(due(cron, 'America/New_York', cursor, tick).tick).toBe(tick);
  });

  it('a daily 02:30 is back at its time the day after', () => {
    const found = due(
      '30 2 * * *',
      'America/New_York',
      '2026-03-08T07:00:00Z',
      '2026-03-08T07:00:01Z',
    );
    expect(found.next).toBe('2026-03-09T06:30:00Z');
  });
});

describe('the night when New York repeats an hour (2026-11-01, 01:00 to 02:00)', () => {
  const first = '2026-11-01T05:30:00Z';
  it('a daily 01:30 comes the first time only', () => {
    const found = due('30 1 * * *', 'America/New_York', '2026-10-31T05:30:00Z', first);
    expect(found).toMatchObject({ tick: first, next: '2026-11-02T06:30:00Z' });
  });

  it('a daily 01:30 does not come again for an agent that restarts in the second 01:00', () => {
    const found = due('30 1 * * *', 'America/New_York', first, '2026-11-01T06:10:00Z');
    expect(found).toMatchObject({ tick: undefined, missed: 0, next: '2026-11-02T06:30:00Z' });
  });

  it('every quarter of an hour runs through', () => {
    let cursorMs = at('2026-11-01T04:59:00Z');
    const ticks: string[] = [];
    for (let nowMs = cursorMs; nowMs <= at('2026-11-01T07:15:00Z'); nowMs += 60_000) {
      const result = dueAt(
        (afterMs) => nextCronMs('*/15 * * * *', 'America/New_York', afterMs),
        cursorMs,
        nowMs,
      );
      cursorMs = result.cursorMs;
      if (result.tickMs !== undefined) ticks.push(iso(result.tickMs)?.slice(11, 16) ?? '');
    }
    expect(ticks).toEqual(
      ['05', '06', '07']
        .flatMap((hour) => ['00', '15', '30', '45'].map((minute) => `${hour}:${minute}`))
        .slice(0, 10),
    );
  });
});

describe('where a rule begins', () => {
  const now = at('2026-01-01T00:00:00Z');
  const hour = 3_600_000;
  it.each([
    ['now when it never ticked', undefined, now],
    ['where it stopped', now - 5 * hour, now - 5 * hour],
    ['ahead when the clock went back a little', now + hour, now + hour],
    ['now when its last time was written by a wrong clock', now + 25 * hour, now],
  ])('%s', (_name, last, expected) => {
    expect(startCursorMs(last, now)).toBe(expected);
  });
});
