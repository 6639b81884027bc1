import { describe, expect, it } from '@jest/globals';
import {
  createBackoff,
  createCleanup,
  createRandom,
  globMatches,
  systemClock,
} from '../../src/base/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';

describe('the fake clock', () => {
  it('runs what falls due in order, and promise chains between', async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push('b'));
    clock.after(10, () => seen.push('a'));
    const stop = clock.every(15, () => seen.push('tick'));
    const slept = clock
      .sleep(25)
      .then(() => clock.sleep(10))
      .then(() => seen.push('slept'));
    await clock.advance(40);
    await slept;
    stop();
    expect(seen).toEqual(['a', 'tick', 'b', 'tick', 'slept']);
    expect(clock.waiting()).toBe(0);
  });

  it('lets the wall clock jump without touching durations', async () => {
    const clock = createFakeClock(1_000_000);
    clock.setWall(5);
    expect(clock.monotonicMs()).toBe(0);
    await clock.advance(10);
    expect(clock.wallMs()).toBe(15);
  });
});

describe('the system clock', () => {
  it('gives up a sleep when it is aborted, with the reason', async () => {
    const abort = new AbortController();
    const sleeping = systemClock.sleep(60_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });
});

describe('chance', () => {
  it('is equal for equal seeds and stays in its range', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 1_000 }, () => random.integer(3, 7));
    };
    expect(draw(42)).toEqual(draw(42));
    expect(new Set(draw(1))).toEqual(new Set([3, 4, 5, 6, 7]));
  });

  it('spaces tries by doubling up to the most, between half and all of the step', () => {
    const backoff = createBackoff({ minMs: 500, maxMs: 30_000, random: createRandom(7) });
    const waits = Array.from({ length: 10 }, () => backoff.nextMs());
    waits.forEach((wait, index) => {
      const step = Math.min(30_000, 500 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(step / 2);
      expect(wait).toBeLessThanOrEqual(step);
    });
    backoff.reset();
    expect(backoff.nextMs()).toBeLessThanOrEqual(500);
  });
});

describe('globs', () => {
  it.each([
    ['pay-*', 'pay-eu', true],
    ['pay-*', 'repay-eu', false],
    ['*', '', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*-a-*', 'x-a-a-y', true],
    ['', 'x', false],
  ])('%j against %j is %j', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  it('stay fast on a hostile pattern', () => {
    expect(globMatches(`${'*a'.repeat(50)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});

describe('the cleanup stack', () => {
  it('undoes last in, first out, and goes on after a step that fails', async () => {
    const cleanup = createCleanup();
    const seen: string[] = [];
    cleanup.add('first', () => void seen.push('first'));
    cleanup.add('second', () => {
      throw new Error('no');
    });
    cleanup.add('third', async () => void seen.push('third'));
    expect((await cleanup.run()).map(({ what }) => what)).toEqual(['second']);
    expect(seen).toEqual(['third', 'first']);
    expect(await cleanup.run()).toEqual([]);
  });
});
