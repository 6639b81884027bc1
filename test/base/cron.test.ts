import { describe, expect, it } from '@jest/globals';
import { createRandom, cronMistake, isStillpointError, nextCronMs } from '../../src/base/index.ts';

const at = (text: string) => Date.parse(text);
/** A few hours before clocks change. */
const changes = [
  ['Europe/Berlin', '2026-03-28T22:07:00Z'],
  ['Europe/Berlin', '2026-10-24T22:07:00Z'],
  ['America/New_York', '2026-03-08T04:07:00Z'],
  ['America/New_York', '2026-11-01T03:07:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T12:07:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T12:07:00Z'],
] as const;
const iso = (ms: number) => new Date(ms).toISOString();

describe('the next date of a schedule', () => {
  it.each([
    ['every quarter of an hour', '*/15 * * * *', 'UTC', '2026-01-01T00:07:31.250Z', '00:15:00'],
    ['a moment that matches is over', '*/15 * * * *', 'UTC', '2026-01-01T00:15:00Z', '00:30:00'],
    ['a millisecond before it', '*/15 * * * *', 'UTC', '2026-01-01T00:14:59.999Z', '00:15:00'],
    ['six fields: seconds first', '*/10 * * * * *', 'UTC', '2026-01-01T00:00:05Z', '00:00:10'],
    ['a zone with half an hour', '0 9 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z', '03:30:00'],
  ])('%s', (_name, expression, zone, after, expected) => {
    expect(iso(nextCronMs(expression, zone, at(after)))).toBe(`2026-01-01T${expected}.000Z`);
  });

  it('fires after the gap when the clock skips its hour', () => {
    const next = nextCronMs('30 2 * * *', 'Europe/Berlin', at('2026-03-28T12:00:00Z'));
    expect(iso(next)).toBe('2026-03-29T01:00:00.000Z');
  });

  it('is the same for whoever asked before', () => {
    const random = createRandom(7);
    for (let n = 0; n < 60; n++) {
      const [zone, start] = changes[n % changes.length] ?? changes[0];
      const now = at(start) + random.integer(0, 48 * 3_600_000);
      // The space makes it another line, of which nothing is remembered.
      const fresh = nextCronMs(`20 */3 * * *${' '.repeat(n + 1)}`, zone, now);
      expect(nextCronMs('20 */3 * * *', zone, now)).toBe(fresh);
    }
  });

  it.each(['*/15 * * * *', '0 * * * *', '30 1 * * *', '30 2 * * *', '0 3 * * 0'])(
    'always moves on through clock changes: %s',
    (expression) => {
      for (const [zone, start] of changes) {
        let now = at(start);
        for (let step = 0; step < 30; step++) {
          const next = nextCronMs(expression, zone, now);
          expect(next).toBeGreaterThan(now);
          now = next;
        }
      }
    },
  );

  it('a daily time in the repeated hour fires once', () => {
    const first = nextCronMs('30 2 * * *', 'Europe/Berlin', at('2026-10-24T12:00:00Z'));
    const second = nextCronMs('30 2 * * *', 'Europe/Berlin', first);
    expect(second - first).toBeGreaterThan(20 * 3_600_000);
  });
});

describe('a schedule that is wrong', () => {
  const now = at('2026-01-01T00:00:00Z');
  it.each([
    ['never fires', '0 0 31 2 *', 'UTC', 'never fires'],
    ['too few fields', '* * *', 'UTC', 'Too few fields'],
    ['out of range', '61 * * * *', 'UTC', 'out of range'],
    ['a word that is no name', '0 0 * * fry', 'UTC', 'Unknown alias: fry'],
    ['an unknown zone', '0 0 * * *', 'Mars/Base', 'is no time zone'],
    ['an empty zone', '0 0 * * *', '', 'is no time zone'],
    ['endless', '1,'.repeat(200), 'UTC', 'at most 256'],
  ])('%s', (_name, expression, zone, words) => {
    expect(cronMistake(expression, zone, now)).toContain(words);
  });

  it('is thrown as bad-input', () => {
    try {
      nextCronMs('0 0 31 2 *', 'UTC', now);
      throw new Error('was accepted');
    } catch (error) {
      expect(isStillpointError(error, 'bad-input')).toBe(true);
    }
  });

  it('a right one has no mistake', () => {
    expect(cronMistake('@daily', 'Europe/Berlin', now)).toBeUndefined();
  });
});
