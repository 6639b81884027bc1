import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../src/base/index.ts';
import { AgedMap } from '../../../src/rules/state/aged-map.ts';

describe('a map by age', () => {
  it('does what a Map does whose keys are deleted before they are set again', () => {
    const random = createRandom(3);
    const plain = new Map<string, number>();
    const aged = new AgedMap<number>();
    for (let n = 0; n < 5_000; n++) {
      const key = `k${random.integer(0, 20)}`;
      plain.delete(key);
      if (random.integer(0, 2) > 0) {
        plain.set(key, n);
        aged.setNewest(key, n);
      } else aged.delete(key);
      expect(aged.size).toBe(plain.size);
      expect(aged.oldest()).toEqual([...plain][0]);
      expect(aged.get(key)).toBe(plain.get(key));
      expect([...aged]).toEqual([...plain]);
    }
  });

  it('is made of entries in their order, and all values may change at once', () => {
    const aged = new AgedMap([
      ['a', 1],
      ['b', 2],
    ]);
    aged.replaceAll((value) => value * 10);
    expect([...aged]).toEqual([
      ['a', 10],
      ['b', 20],
    ]);
  });
});
