import { describe, expect, it } from '@jest/globals';
import { createGrowth } from '../../../src/sources/memory/growth.ts';
import {
  type Bounds,
  isNear,
  judge,
  type LevelState,
  mayReach,
} from '../../../src/sources/memory/judge.ts';
import { MIB } from './harness.ts';

function level(fields: Partial<LevelState>): LevelState {
  const base = { level: 'container', usedBytes: 0, limitBytes: 100 * MIB } as const;
  return { ...base, growthBytesPerSecond: 0, ...fields };
}

describe('a reading', () => {
  it('takes its ratio from the fullest level and its time from the one that is full soonest', () => {
    const reading = judge(
      [
        level({ usedBytes: 90 * MIB, growthBytesPerSecond: MIB }),
        level({ level: 'pod', usedBytes: 80 * MIB, growthBytesPerSecond: 40 * MIB }),
      ],
      90 * MIB,
    );
    expect(reading).toMatchObject({
      usedRatio: 0.9,
      fullInMs: 500,
      growthBytesPerSecond: 40 * MIB,
    });
  });

  it('has no time to full while nothing grows', () => {
    const reading = judge([level({ usedBytes: MIB, growthBytesPerSecond: -5 })], MIB);
    expect(reading).toMatchObject({ growthBytesPerSecond: -5 });
    expect(reading?.fullInMs).toBeUndefined();
  });

  it('is full at once when it is over its limit and grows', () => {
    const over = level({ usedBytes: 120 * MIB, growthBytesPerSecond: 1 });
    expect(judge([over], 120 * MIB)).toMatchObject({ usedRatio: 1.2, fullInMs: 0 });
  });

  it.each([
    [24, undefined],
    [25, 0.9],
  ])('of an ancestor needs a quarter of it: %i MiB of 100', (own, usedRatio) => {
    const ancestor = level({ level: 'ancestor', usedBytes: 90 * MIB });
    expect(judge([ancestor], own * MIB)?.usedRatio).toBe(usedRatio);
  });
});

describe('near', () => {
  const reading = { levels: [], growthBytesPerSecond: 0 };
  it.each([
    ['ten points below the next share', { usedRatio: 0.76 }, 0.85, true],
    ['further below', { usedRatio: 0.74 }, 0.85, false],
    ['far below, but full within a second', { usedRatio: 0.1, fullInMs: 900 }, 0.85, true],
    ['far below, full later', { usedRatio: 0.1, fullInMs: 1_100 }, 0.85, false],
    ['above every share', { usedRatio: 0.9 }, Number.POSITIVE_INFINITY, false],
    ['above every share, and rushing', { usedRatio: 0.9, fullInMs: 300 }, 2, true],
  ])('%s', (_name, fields, nextRatio, expected) => {
    expect(isNear({ ...reading, ...fields }, nextRatio)).toBe(expected);
  });
});

describe('usage that is worth a close look', () => {
  const filling = [{ withinMs: 2_000, floorRatio: 0.5 }];
  const near: Bounds = { fromRatio: 0.75, orRushing: true, fillings: [] };
  const alarm: Bounds = { fromRatio: 0.85, orRushing: false, fillings: filling };
  it.each<[string, number, number, Bounds, boolean]>([
    ['in reach of the share', 80, 0, near, true],
    ['far from it', 20, 0, near, false],
    ['that rushes', 20, 90, near, true],
    ['that falls fast', 20, -90, near, false],
    ['that rushes, where only an alarm counts', 20, 90, alarm, false],
    ['that fills it soon, from the floor on', 50, 30, alarm, true],
    ['that fills it soon, below the floor', 49, 30, alarm, false],
    ['that fills it later', 60, 10, alarm, false],
    ['where no share is left to wait for', 99, 0, { ...near, fromRatio: 2 }, false],
  ])('%s', (_name, usage, growth, bounds, expected) => {
    expect(mayReach(usage * MIB, 100 * MIB, growth * MIB, bounds)).toBe(expected);
  });
});

describe('growth', () => {
  it('is unknown before two samples that lie 30 ms apart', () => {
    const growth = createGrowth();
    expect(growth.bytesPerSecond()).toBeUndefined();
    growth.push(0, 100);
    growth.push(10, 200);
    expect(growth.bytesPerSecond()).toBeUndefined();
    growth.push(30, 400);
    expect(growth.bytesPerSecond()).toBe(10_000);
  });

  it('compares with the youngest sample that is old enough', () => {
    const growth = createGrowth();
    for (let at = 0; at <= 1_000; at += 5) growth.push(at, at < 900 ? 0 : (at - 900) * 10);
    expect(growth.bytesPerSecond()).toBe(10_000);
  });

  it('forgets what is older than half a second', () => {
    const growth = createGrowth();
    growth.push(0, 0);
    growth.push(501, 1_000);
    expect(growth.bytesPerSecond()).toBeUndefined();
  });
});
