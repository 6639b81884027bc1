import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../src/base/index.ts';
import {
  addCount,
  type CountWindow,
  sumWindow,
  trimWindow,
} from '../../../src/rules/state/window.ts';

describe('a window of counts', () => {
  it('agrees with a list of all occurrences, late ones too, and stays small', () => {
    const random = createRandom(7);
    for (let round = 0; round < 200; round++) {
      const enough = random.integer(1, 6);
      const withinMs = random.integer(10, 100);
      const window: CountWindow = [];
      const all: number[] = [];
      let nowMs = 0;
      for (let n = 0; n < 100; n++) {
        nowMs += random.integer(0, 15);
        const atMs = nowMs - random.integer(0, 30);
        const count = random.integer(1, 3);
        addCount(window, atMs, count);
        all.push(...Array<number>(count).fill(atMs));
        trimWindow(window, nowMs, { withinMs, enough });
        const exact = all.filter((at) => at > nowMs - withinMs).length;
        expect(sumWindow(window) >= enough).toBe(exact >= enough);
        expect(window.length).toBeLessThanOrEqual(enough);
      }
    }
  });
});
