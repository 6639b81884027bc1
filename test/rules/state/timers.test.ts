import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../src/base/index.ts';
import { popTimer, pushTimer, type Timers } from '../../../src/rules/state/timers.ts';

describe('the heap of timers', () => {
  it('gives them back in order of time', () => {
    const random = createRandom(3);
    const heap: Timers = [];
    const dues = Array.from({ length: 500 }, () => random.integer(0, 100));
    for (const dueMs of dues) pushTimer(heap, { dueMs, podUid: 'u', container: 'c', rule: 'r' });
    const popped = dues.map(() => popTimer(heap)?.dueMs);
    expect(popped).toEqual([...dues].sort((a, b) => a - b));
    expect(popTimer(heap)).toBeUndefined();
  });
});
