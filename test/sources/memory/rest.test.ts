import { afterEach, describe, expect, it } from '@jest/globals';
import type { MemoryWatch } from '../../../src/sources/memory/index.ts';
import { container, type Harness, MIB, startHarness, watchOf } from './harness.ts';

let running: Harness | undefined;
async function start(): Promise<Harness> {
  running = await startHarness();
  return running;
}
afterEach(async () => {
  await running?.dispose();
  running = undefined;
});

const { path } = container(1);

describe('a container with several shares that are waited for', () => {
  /** A container that has stood there for two seconds. */
  const restingAt = async (used: number, watch: Partial<MemoryWatch>) => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: used * MIB, limit: 1_000 * MIB });
    source.watch([{ ...watchOf(1, 0.7), ...watch }]);
    await clock.advance(2_000);
    fresh();
    const set = async (mib: number, ms: number) => {
      fake.memory(path, { usage: mib * MIB, limit: 1_000 * MIB });
      await clock.advance(ms);
      return fresh().map(({ usedRatio }) => usedRatio);
    };
    return { set };
  };

  it('is fast again below the next share, for whoever rests above a lower one', async () => {
    const { set } = await restingAt(780, { crossings: [{ ratio: 0.7 }, { ratio: 0.85 }] });
    // Nothing new is not told more often for that.
    expect(await set(780, 500)).toHaveLength(5);
    expect(await set(851, 5)).toEqual([0.851]);
    expect(await set(860, 100)).toHaveLength(20);
  });

  it.each([
    ['between two shares that are far apart', 720, [{ ratio: 0.7 }, { ratio: 0.95 }]],
    ['just above the highest', 852, [{ ratio: 0.7 }, { ratio: 0.85 }]],
    ['above the only one', 705, undefined],
  ])('is calm at rest %s', async (_name, used, crossings) => {
    const { set } = await restingAt(used, { crossings });
    expect(await set(used + 1, 95)).toEqual([]);
    expect(await set(used + 1, 5)).toHaveLength(1);
  });

  it('stays calm while use wavers around a share that it rests at', async () => {
    const { set } = await restingAt(852, { crossings: [{ ratio: 0.7 }, { ratio: 0.85 }] });
    const told: number[] = [];
    for (let turn = 0; turn < 20; turn++) told.push(...(await set(turn % 2 ? 852 : 845, 50)));
    expect(told).toHaveLength(10);
  });

  it('is fast anew below a share that use fell away from', async () => {
    const { set } = await restingAt(852, { crossings: [{ ratio: 0.7 }, { ratio: 0.85 }] });
    await set(820, 200);
    expect(await set(851, 5)).toEqual([0.851]);
  });

  it('is fast below a share from where its rule may fire again', async () => {
    const crossings = [{ ratio: 0.7 }, { ratio: 0.85, clearRatio: 0.84 }];
    const { set } = await restingAt(852, { clearRatio: 0.84, crossings });
    await set(839, 200);
    expect(await set(851, 5)).toEqual([0.851]);
  });

  it('learns of a new share at the next look', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 800 * MIB, limit: 1_000 * MIB });
    source.watch([watchOf(1, 0.7)]);
    await clock.advance(2_000);
    source.watch([{ ...watchOf(1, 0.7), crossings: [{ ratio: 0.7 }, { ratio: 0.85 }] }]);
    await clock.advance(200);
    fresh();
    fake.memory(path, { usage: 860 * MIB, limit: 1_000 * MIB });
    await clock.advance(5);
    expect(fresh()).toHaveLength(1);
  });
});
