import { describe, expect, it } from '@jest/globals';
import { retryableOnce } from '../../src/cri/retryable-once.ts';

describe('work that is done once', () => {
  it('is shared by all who ask, also while it is under way', async () => {
    let times = 0;
    const get = retryableOnce(async () => ++times);
    expect(await Promise.all([get(), get()])).toEqual([1, 1]);
    expect(await get()).toBe(1);
  });

  it('is tried again by the next one who asks when it has failed', async () => {
    let times = 0;
    const get = retryableOnce(async () => {
      times++;
      if (times === 1) throw new Error('no file descriptor left');
      return times;
    });
    const both = await Promise.allSettled([get(), get()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await get()).toBe(2);
  });
});
