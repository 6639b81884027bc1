import { describe, expect, it } from '@jest/globals';
import { createGrowth } from '../../../src/sources/memory/growth.ts';
import { isNear, judge, type LevelState, mayBeNear } from '../../../src/sources/memory/judge.ts';
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
    ['ten points below the alarm', { usedRatio: 0.76 }, 0, true],
    ['further below', { usedRatio: 0.74 }, 0, false],
    ['far below, but full within a second', { usedRatio: 0.1, fullInMs: 900 }, 0, true],
    ['far below, full later', { usedRatio: 0.1, fullInMs: 1_100 }, 0, false],
    ['in alarm for a second', { usedRatio: 0.9 }, 1_000, false],
    ['in alarm for a second, and rushing', { usedRatio: 0.9, fullInMs: 300 }, 1_000, true],
  ])('%s', (_name, fields, inAlarmMs, expected) => {
    expect(isNear({ ...reading, ...fields }, 0.85, inAlarmMs)).toBe(expected);
  });

  it.each([
    ['usage in reach of the alarm', 80, 0, true],
    ['usage far from it', 20, 0, false],
    ['usage that rushes', 20, 90, true],
    ['usage that falls fast', 20, -90, false],
  ])('may be: %s', (_name, usage, growth, expected) => {
    expect(mayBeNear(usage * MIB, 100 * MIB, growth * MIB, { alarmRatio: 0.85 })).toBe(expected);
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
