import { describe, expect, it } from '@jest/globals';
import { createQuietLog, createTokenBucket } from '../../src/base/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';

describe('a token bucket', () => {
  it('lets a burst through, then one each refill time', async () => {
    const clock = createFakeClock();
    const bucket = createTokenBucket({ burst: 2, refillMs: 1_000, clock });
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
    await clock.advance(1_000);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
  });

  it('charges large work for as much as it costs, a whole burst at most', async () => {
    const clock = createFakeClock();
    const bucket = createTokenBucket({ burst: 4, refillMs: 1_000, clock });
    expect([bucket.take(3), bucket.take(3), bucket.take()]).toEqual([true, false, true]);
    await clock.advance(3_999);
    expect(bucket.take(100)).toBe(false);
    await clock.advance(1);
    expect([bucket.take(100), bucket.take()]).toEqual([true, false]);
  });

  it('saves no more than a burst while it is not used', async () => {
    const clock = createFakeClock();
    const bucket = createTokenBucket({ burst: 1, refillMs: 1_000, clock });
    await clock.advance(3_600_000);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
  });
});

describe('a quiet log', () => {
  it('writes each kind once a minute and counts the rest', async () => {
    const clock = createFakeClock();
    const { log, lines } = createRecordingLog();
    const quiet = createQuietLog(log, clock);
    for (let i = 0; i < 5; i++) quiet.warn('dropped', 'a', { i });
    quiet.warn('dropped', 'b');
    await clock.advance(60_000);
    quiet.warn('dropped', 'a', { i: 5 });
    expect(lines.map(({ fields }) => fields)).toEqual([{ i: 0 }, {}, { i: 5, unlogged: 4 }]);
  });

  it('remembers a bounded number of kinds', () => {
    const clock = createFakeClock();
    const { log, lines } = createRecordingLog();
    const quiet = createQuietLog(log, clock);
    for (let i = 0; i < 257; i++) quiet.warn('dropped', String(i));
    quiet.warn('dropped', '256');
    quiet.warn('dropped', '0');
    expect(lines).toHaveLength(258);
  });
});
