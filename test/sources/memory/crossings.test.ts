import { describe, expect, it } from '@jest/globals';
import { type Crossing, Crossings } from '../../../src/sources/memory/crossings.ts';

const NONE = Number.POSITIVE_INFINITY;
const two: Crossing[] = [{ ratio: 0.7 }, { ratio: 0.85, clearRatio: 0.6 }];
const group: Crossing[] = [{ ratio: 0.842, upTo: 0.85 }];
const soonAgain: Crossing[] = [{ ratio: 0.85, clearRatio: 0.845 }];

describe('the next share that is waited for', () => {
  it.each<[string, Crossing[], [atMs: number, used: number][], number]>([
    ['far below', two, [[0, 0.2]], 0.7],
    ['just crossed', two, [[0, 0.71]], 0.7],
    [
      'above the first for a second',
      two,
      [
        [0, 0.71],
        [1_000, 0.72],
      ],
      0.85,
    ],
    [
      'above both for a second',
      two,
      [
        [0, 0.9],
        [1_000, 0.9],
      ],
      NONE,
    ],
    [
      'wavering below the second one',
      two,
      [
        [0, 0.86],
        [1_000, 0.84],
      ],
      NONE,
    ],
    [
      'fallen from the second one',
      two,
      [
        [0, 0.86],
        [1_000, 0.82],
      ],
      0.85,
    ],
    [
      'fallen from both, and back at once',
      two,
      [
        [0, 0.86],
        [1_000, 0.5],
        [1_100, 0.86],
      ],
      0.7,
    ],
    [
      'in the middle of several that are close together',
      group,
      [
        [0, 0.845],
        [1_000, 0.845],
      ],
      0.842,
    ],
    [
      'above all that are close together',
      group,
      [
        [0, 0.85],
        [1_000, 0.845],
      ],
      NONE,
    ],
    [
      'fallen under where a rule may fire again',
      soonAgain,
      [
        [0, 0.85],
        [1_000, 0.844],
      ],
      0.85,
    ],
  ])('%s', (_name, all, readings, next) => {
    const crossings = new Crossings(all);
    for (const [atMs, used] of readings) crossings.take(used, atMs);
    expect(crossings.next).toBe(next);
  });

  it('is the least one anew when all is forgotten, and what stays is kept when others come', () => {
    const crossings = new Crossings(two);
    crossings.take(0.9, 0);
    crossings.replace([{ ratio: 0.7 }, { ratio: 0.8 }, { ratio: 0.85 }]);
    crossings.take(0.9, 1_000);
    expect(crossings.next).toBe(0.8);
    crossings.clear();
    expect(crossings.next).toBe(0.7);
  });
});
