import { describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import { watchFreezer } from '../../src/capture/freeze-watch.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';

describe('the freeze watch', () => {
  it('counts from the first frozen sample to the last, also where CRIU thaws in between', async () => {
    const clock = createFakeClock();
    const container = createFakeContainerState();
    const watch = watchFreezer(clock, container.node, container.cgroup);
    for (const freezer of ['thawed', 'frozen', 'thawed', 'frozen', 'thawed'] as const) {
      container.freezer = freezer;
      await clock.advance(100);
    }
    expect(watch.stop()?.frozenMs).toBe(295);
    expect(clock.waiting()).toBe(0);
  });

  it('is undefined when no sample was frozen', async () => {
    const clock = createFakeClock();
    const { node, cgroup } = createFakeContainerState();
    const watch = watchFreezer(clock, node, cgroup);
    await clock.advance(100);
    expect(watch.stop()).toBeUndefined();
    expect(watchFreezer(clock, undefined, undefined).stop()).toBeUndefined();
  });

  it('ends quietly when the file cannot be read: a number is not worth a capture', async () => {
    const clock = createFakeClock();
    const { node, cgroup } = createFakeContainerState();
    let reads = 0;
    node.cgroups.freezerState = () => {
      reads++;
      throw new StillpointError({ code: 'not-writable', message: 'EACCES' });
    };
    const watch = watchFreezer(clock, node, cgroup);
    await clock.advance(100);
    expect([watch.stop(), reads]).toEqual([undefined, 1]);
  });
});
