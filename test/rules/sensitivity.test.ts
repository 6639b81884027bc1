import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import {
  type MemoryCondition,
  type MemorySensitivity,
  sensitivityOf,
} from '../../src/rules/sensitivity.ts';

const above = (ratio: number, more: Partial<MemoryCondition> = {}): MemoryCondition => ({
  above: ratio,
  ...more,
});
const within = (withinMs: number, floor: number) => above(0.9, { filling: { withinMs, floor } });

describe('how memory is looked at for several rules', () => {
  it.each<[string, MemoryCondition[], MemorySensitivity]>([
    ['one rule', [above(0.85)], { alarmRatio: 0.85 }],
    ['two of one share', [above(0.85), above(0.85)], { alarmRatio: 0.85 }],
    [
      'a lenient and a strict one',
      [above(0.85), above(0.7)],
      { alarmRatio: 0.7, crossings: [{ ratio: 0.7 }, { ratio: 0.85 }] },
    ],
    [
      'shares of one step of a hundredth',
      [above(0.842), above(0.85), above(0.855)],
      { alarmRatio: 0.842, crossings: [{ ratio: 0.842, upTo: 0.85 }, { ratio: 0.855 }] },
    ],
    [
      'one that fires again below a share',
      [above(0.85, { rearmBelow: 0.6 }), above(0.7)],
      {
        alarmRatio: 0.7,
        clearRatio: 0.6,
        crossings: [{ ratio: 0.7 }, { ratio: 0.85, clearRatio: 0.6 }],
      },
    ],
    [
      'two that fire again below different shares',
      [above(0.85, { rearmBelow: 0.6 }), above(0.85, { rearmBelow: 0.84 })],
      { alarmRatio: 0.85, clearRatio: 0.6, crossings: [{ ratio: 0.85, clearRatio: 0.84 }] },
    ],
    [
      'fillings of which one includes the other',
      [within(300, 0.5), within(300, 0.7), within(200, 0.5)],
      { alarmRatio: 0.9, fillings: [{ withinMs: 300, floorRatio: 0.5 }] },
    ],
    [
      'fillings of which none includes the other',
      [within(10_000, 0.8), within(300, 0.5)],
      {
        alarmRatio: 0.9,
        fillings: [
          { withinMs: 300, floorRatio: 0.5 },
          { withinMs: 10_000, floorRatio: 0.8 },
        ],
      },
    ],
  ])('%s', (_name, conditions, expected) => {
    expect(sensitivityOf(conditions)).toEqual(expected);
  });

  it('leaves no condition out and is bounded, whatever the rules are', () => {
    const random = createRandom(7);
    for (let run = 0; run < 200; run++) {
      const conditions = Array.from({ length: random.integer(1, 300) }, () =>
        above(random.integer(10, 1_000) / 1_000, {
          ...(random.next() < 0.3 && { rearmBelow: random.integer(1, 900) / 1_000 }),
          ...(random.next() < 0.5 && {
            filling: { withinMs: random.integer(50, 10_000), floor: random.next() },
          }),
        }),
      );
      const found = sensitivityOf(conditions);
      const { alarmRatio, crossings = [{ ratio: alarmRatio }], fillings = [] } = found;
      expect(crossings.length).toBeLessThanOrEqual(100);
      expect(fillings.length).toBeLessThanOrEqual(8);
      expect([...crossings].sort((a, b) => a.ratio - b.ratio)).toEqual(crossings);
      for (const one of conditions) {
        expect(alarmRatio).toBeLessThanOrEqual(one.above);
        expect(
          crossings.some(
            ({ ratio, upTo = ratio, clearRatio = 0 }) =>
              ratio <= one.above &&
              one.above <= upTo &&
              upTo < ratio + 0.01 &&
              clearRatio >= (one.rearmBelow ?? 0),
          ),
        ).toBe(true);
        const { filling } = one;
        const isTold = fillings.some(
          ({ withinMs, floorRatio }) =>
            filling && withinMs >= filling.withinMs && floorRatio <= filling.floor,
        );
        expect(filling === undefined || isTold).toBe(true);
      }
    }
  });
});
