import { afterEach, describe, expect, it } from '@jest/globals';
import { container, type Harness, MIB, startHarness, watchOf } from './harness.ts';

let running: Harness | undefined;
async function start(version: 1 | 2 = 2): Promise<Harness> {
  running = await startHarness(version);
  return running;
}
afterEach(async () => {
  await running?.dispose();
  running = undefined;
});

const { path, podPath } = container(1);

describe.each([1, 2] as const)('a container with a limit, cgroup v%i', (version) => {
  it('emits while it is in alarm, once when it falls below, and nothing else', async () => {
    const { fake, clock, source, fresh } = await start(version);
    if (version === 1) fake.write(`freezer/${path}/freezer.state`, 'THAWED\n');
    fake.memory(path, { usage: 20 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);

    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(100);
    const [first] = fresh();
    expect(first).toMatchObject({
      kind: 'memory',
      target: watchOf(1).target,
      usedRatio: 0.9,
      levels: [{ level: 'container', usedBytes: 90 * MIB, limitBytes: 100 * MIB }],
      occurredMs: clock.wallMs(),
    });

    fake.memory(path, { usage: 30 * MIB, limit: 100 * MIB });
    await clock.advance(1_000);
    const after = fresh();
    expect(after.map(({ usedRatio }) => usedRatio)).toEqual([0.3]);
  });

  it('fires nothing on page cache, however full it is', async () => {
    const { fake, clock, source, fresh } = await start(version);
    if (version === 1) fake.write(`freezer/${path}/freezer.state`, 'THAWED\n');
    fake.memory(path, { usage: 99 * MIB, inactiveFile: 90 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);
  });
});

describe('the level that decides', () => {
  it('is the pod where its limit is hit first', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(podPath, { usage: 95 * MIB, limit: 100 * MIB });
    fake.memory(path, { usage: 80 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(100);
    const [first] = fresh();
    expect(first?.usedRatio).toBe(0.95);
    expect(first?.levels.map(({ level }) => level)).toEqual(['container', 'pod']);
  });

  it('is an ancestor for a container that fills it, but not for its neighbours', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory('kubepods', { usage: 950 * MIB, limit: 1000 * MIB });
    fake.memory(container(1).path, { usage: 700 * MIB });
    fake.memory(container(2).path, { usage: 20 * MIB, limit: 400 * MIB });
    source.watch([watchOf(1), watchOf(2)]);
    await clock.advance(100);
    const found = fresh();
    expect(found.map(({ target }) => target.containerId)).toEqual([container(1).id]);
    expect(found[0]?.levels).toEqual([
      { level: 'ancestor', usedBytes: 950 * MIB, limitBytes: 1000 * MIB },
    ]);
  });
});

describe('the pace', () => {
  it('is a look each 100 ms far from the limit and each 5 ms near it', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 80 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(200);
    expect(fresh()).toEqual([]);
    fake.memory(path, { usage: 86 * MIB, limit: 100 * MIB });
    await clock.advance(5);
    expect(fresh()).toHaveLength(1);
    await clock.advance(100);
    expect(fresh()).toHaveLength(20);
  });

  it('is fast for whoever would be full within a second, however much is left', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 5 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(100);
    fake.memory(path, { usage: 25 * MIB, limit: 100 * MIB });
    await clock.advance(100);
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(5);
    expect(fresh()).toHaveLength(1);
  });

  it('is not fast for a growing page cache', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 5 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    for (let mib = 5; mib < 65; mib += 20) {
      fake.memory(path, { usage: mib * MIB, inactiveFile: (mib - 4) * MIB, limit: 100 * MIB });
      await clock.advance(100);
    }
    await clock.advance(600);
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(99);
    expect(fresh()).toEqual([]);
    await clock.advance(1);
    expect(fresh()).toHaveLength(1);
  });

  it('is fast for a container that rushes inside a pod whose use says so first', async () => {
    const { fake, clock, source, fresh } = await start();
    const set = (own: number, other: number) => {
      fake.memory(podPath, { usage: (own + other) * MIB, limit: 400 * MIB });
      fake.memory(path, { usage: own * MIB, limit: 100 * MIB });
    };
    set(5, 5);
    source.watch([watchOf(1)]);
    await clock.advance(100);
    set(30, 5);
    await clock.advance(100);
    set(90, 5);
    await clock.advance(5);
    const [first] = fresh();
    expect(first?.usedRatio).toBe(0.9);
  });

  it('reads the container itself when its pod is fuller than it may be', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(podPath, { usage: 350 * MIB, limit: 400 * MIB });
    fake.memory(path, { usage: 20 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1, 0.99)]);
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);
  });

  it('calms down in an alarm that lasts and does not grow', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(2_000);
    fresh();
    await clock.advance(1_000);
    expect(fresh()).toHaveLength(10);
  });

  it('is fast for 32 at most, those that are full soonest, and says so', async () => {
    const { fake, clock, source, fresh, warnings } = await start();
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1);
    const set = (growth: (n: number) => number) => {
      for (const n of numbers) {
        const usage = Math.round((60 + growth(n)) * MIB);
        fake.memory(container(n).path, { usage, limit: 100 * MIB });
      }
    };
    set(() => 0);
    source.watch(numbers.map((n) => watchOf(n, 0.8)));
    await clock.advance(100);
    set((n) => 10 + n / 5);
    await clock.advance(100);
    expect(warnings).toEqual(['memory-many-near']);
    set(() => 25);
    await clock.advance(5);
    const fast = new Set(fresh().map(({ target }) => target.containerId));
    expect(fast.size).toBe(32);
    expect(fast.has(container(40).id)).toBe(true);
    expect(fast.has(container(1).id)).toBe(false);
  });
});

describe('growth', () => {
  it('and the time until full are told', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 80 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(100);
    for (let step = 1; step <= 20; step++) {
      fake.memory(path, { usage: 80 * MIB + step * (MIB / 2), limit: 100 * MIB });
      await clock.advance(5);
    }
    const last = fresh().at(-1);
    expect(last?.usedRatio).toBe(0.9);
    expect(last?.growthBytesPerSecond).toBeCloseTo(100 * MIB, -3);
    expect(last?.fullInMs).toBeCloseTo(100, 0);
    await clock.advance(600);
    expect(fresh().at(-1)).toMatchObject({ growthBytesPerSecond: 0 });
    expect(fresh().at(-1)?.fullInMs).toBeUndefined();
  });
});

describe('a resize in place', () => {
  it('is seen within two seconds', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 90 * MIB, limit: 200 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(500);
    expect(fresh()).toEqual([]);
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(2_000);
    expect(fresh().length).toBeGreaterThan(0);
  });

  it('that takes the limit away ends the alarm with one signal', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(200);
    fake.memory(path, { usage: 90 * MIB });
    await clock.advance(2_000);
    expect(fresh().at(-1)).toMatchObject({ usedRatio: 0, levels: [] });
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);
  });
});

describe('a container that dies', () => {
  it('ends quietly, in alarm or not', async () => {
    const { fake, clock, source, fresh, statuses } = await start();
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(200);
    fake.remove(path);
    await clock.advance(2_000);
    fresh();
    await clock.advance(20_000);
    expect(fresh()).toEqual([]);
    expect(statuses.map(({ state }) => state)).toEqual(['live']);
    expect(source.dropped()).toEqual({ garbled: 0, unreadable: 0 });
  });
});

describe('contents that make no sense', () => {
  it('are dropped and counted, and the next sound ones count again', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 20 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(100);
    fake.write(`${path}/memory.current`, 'ninety percent\n');
    await clock.advance(300);
    expect(source.dropped()).toEqual({ garbled: 3, unreadable: 0 });
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(100);
    expect(fresh()).toHaveLength(1);
  });
});

describe('a cgroup that is not there', () => {
  it('degrades the source after ten seconds, until it appears', async () => {
    const { fake, clock, source, fresh, statuses } = await start();
    source.watch([watchOf(1)]);
    await clock.advance(9_000);
    expect(source.status().state).toBe('live');
    await clock.advance(3_000);
    expect(source.status()).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('1 of 1 containers cannot be read, such as shop/cart-1/app'),
    });
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    await clock.advance(2_000);
    expect(fresh().length).toBeGreaterThan(0);
    expect(statuses.map(({ state }) => state)).toEqual(['live', 'degraded', 'live']);
  });
});

describe('the list of watched containers', () => {
  it('is replaced at once; who stays keeps its alarm', async () => {
    const { fake, clock, source, fresh } = await start();
    for (const n of [1, 2]) {
      fake.memory(container(n).path, { usage: 90 * MIB, limit: 100 * MIB });
    }
    source.watch([watchOf(1), watchOf(2)]);
    await clock.advance(100);
    expect(fresh()).toHaveLength(2);
    source.watch([watchOf(2, 0.95)]);
    await clock.advance(100);
    const left = fresh();
    expect(left.map(({ target }) => target.containerId)).toEqual([container(2).id]);
  });

  it('may be replaced from within a signal', async () => {
    const { fake, clock, source, signals } = await start();
    for (const n of [1, 2]) {
      fake.memory(container(n).path, { usage: 90 * MIB, limit: 100 * MIB });
    }
    const push = signals.push.bind(signals);
    signals.push = (...items) => {
      source.watch([]);
      return push(...items);
    };
    source.watch([watchOf(1), watchOf(2)]);
    await clock.advance(1_000);
    expect(signals).toHaveLength(1);
  });

  it('holds nothing after stop', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 90 * MIB, limit: 100 * MIB });
    source.watch([watchOf(1)]);
    await clock.advance(200);
    fresh();
    await source.stop();
    expect(clock.waiting()).toBe(0);
    source.watch([watchOf(1)]);
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);
    expect(source.status()).toEqual({ state: 'stopped' });
  });
});

describe('a container that is watched for its growth or its fall', () => {
  it('is in alarm far below its ratio while it would be full soon, from the floor on', async () => {
    const { fake, clock, source, fresh } = await start();
    const set = (mib: number) => fake.memory(path, { usage: mib * MIB, limit: 1_000 * MIB });
    const fillings = [{ withinMs: 2_000, floorRatio: 0.5 }];
    source.watch([{ ...watchOf(1), fillings }]);
    for (let mib = 100; mib < 500; mib += 50) {
      set(mib);
      await clock.advance(100);
    }
    expect(fresh()).toEqual([]);
    set(550);
    await clock.advance(100);
    const [first] = fresh();
    expect(first).toMatchObject({ usedRatio: 0.55 });
    expect(first?.fullInMs).toBeLessThan(2_000);
    await clock.advance(1_000);
    const calmed = fresh().at(-1);
    expect(calmed?.fullInMs).toBeUndefined();
    await clock.advance(1_000);
    expect(fresh()).toEqual([]);
  });

  it('is told once at first, and while it stands between the two shares', async () => {
    const { fake, clock, source, fresh } = await start();
    const set = (mib: number) => fake.memory(path, { usage: mib * MIB, limit: 100 * MIB });
    set(20);
    source.watch([{ ...watchOf(1), clearRatio: 0.6 }]);
    await clock.advance(500);
    expect(fresh().map(({ usedRatio }) => usedRatio)).toEqual([0.2]);
    set(90);
    await clock.advance(100);
    expect(fresh().length).toBeGreaterThan(0);
    set(65);
    await clock.advance(2_000);
    expect(fresh().at(-1)?.usedRatio).toBe(0.65);
    set(59);
    await clock.advance(500);
    expect(fresh().at(-1)?.usedRatio).toBe(0.59);
    await clock.advance(500);
    expect(fresh()).toEqual([]);
  });

  it('is heard of in the middle too, by an agent that starts there', async () => {
    const { fake, clock, source, fresh } = await start();
    fake.memory(path, { usage: 70 * MIB, limit: 100 * MIB });
    source.watch([{ ...watchOf(1), clearRatio: 0.6 }]);
    await clock.advance(300);
    expect(fresh()).not.toEqual([]);
    fake.memory(path, { usage: 50 * MIB, limit: 100 * MIB });
    await clock.advance(300);
    expect(fresh().map(({ usedRatio }) => usedRatio)).toEqual([0.5]);
  });
});
