import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openCgroups } from '../../../src/node/index.ts';
import type { NodeMemorySignal } from '../../../src/signal/index.ts';
import {
  createNodeMemorySource,
  type NodeMemorySource,
  type NodeMemoryWatch,
} from '../../../src/sources/node-memory/index.ts';
import type { SourceStatus } from '../../../src/sources/source.ts';
import { type FakeTree, makeFakeTree } from '../../node/fake-tree.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { container } from '../memory/harness.ts';

const MIB = 2 ** 20;
const CAPACITY_MIB = 8_192;

let fake: FakeTree;
let clock: FakeClock;
let source: NodeMemorySource;
let signals: NodeMemorySignal[];
let statuses: SourceStatus[];

beforeEach(async () => {
  fake = makeFakeTree(1);
  clock = createFakeClock();
  signals = [];
  statuses = [];
  writeFileSync(join(fake.procRoot, 'meminfo'), `MemTotal: ${CAPACITY_MIB * 1_024} kB\n`);
  available(4_000);
  source = createNodeMemorySource({
    cgroups: openCgroups(fake),
    clock,
    emit: (signal) => {
      if (signal.kind === 'nodeMemory') signals.push(signal);
    },
    onStatus: (_name, status) => statuses.push(status),
  });
  await source.start();
});

afterEach(async () => {
  await source.stop();
  fake.dispose();
});

function available(mib: number): void {
  fake.memory('', { usage: (CAPACITY_MIB - mib) * MIB });
}

function uses(n: number, mib: number, { pod = n, cacheMib = 0 } = {}): void {
  const { path, podPath } = container(n, pod);
  const state = { usage: (mib + cacheMib) * MIB, inactiveFile: cacheMib * MIB };
  fake.write(`freezer/${path}/freezer.state`, 'THAWED\n');
  fake.memory(path, state);
  // The pod holds more than its containers: the sandbox is in it too.
  fake.memory(podPath, { ...state, usage: state.usage + MIB });
}

function watchOf(...numbers: [n: number, pod: number][]): NodeMemoryWatch {
  return {
    below: [{ share: 0.1 }, { bytes: 500 * MIB }],
    above: [{ share: 0.2 }],
    containers: numbers.map(([n, pod]) => ({
      target: {
        namespace: 'shop',
        pod: `cart-${pod}`,
        podUid: `${pod}`,
        container: `app-${n}`,
        containerId: container(n, pod).id,
      },
      cgroup: { cgroupsPath: `/${container(n, pod).path}` },
    })),
  };
}

const fresh = () => signals.splice(0);
const leftMib = () => fresh().map(({ availableBytes }) => availableBytes / MIB);

describe('the source of the memory of the node', () => {
  it('reads nothing and waits for nothing while nobody watches', async () => {
    await clock.advance(60_000);
    rmSync(join(fake.procRoot, 'meminfo'));
    await clock.advance(60_000);
    expect(signals).toEqual([]);
    expect(statuses.map(({ state }) => state)).toEqual(['live']);
    expect(clock.waiting()).toBe(0);
  });

  it('tells at once where it stands, and every 10 s that nothing has happened, without pods', async () => {
    uses(1, 100);
    source.watch(watchOf([1, 1]));
    expect(fresh()).toMatchObject([{ availableBytes: 4_000 * MIB, pods: [] }]);
    await clock.advance(9_900);
    expect(fresh()).toEqual([]);
    await clock.advance(200);
    expect(fresh()).toMatchObject([{ capacityBytes: CAPACITY_MIB * MIB, pods: [] }]);
  });

  it('tells a fall under an amount within 250 ms, with the working sets of pods', async () => {
    uses(1, 100, { cacheMib: 50 });
    uses(2, 200);
    source.watch(watchOf([1, 1], [2, 2]));
    fresh();
    available(800);
    await clock.advance(250);
    expect(fresh()).toMatchObject([
      {
        availableBytes: 800 * MIB,
        pods: [
          {
            podUid: '1',
            usedBytes: 101 * MIB,
            containers: [
              { container: 'app-1', containerId: container(1).id, usedBytes: 100 * MIB },
            ],
          },
          { podUid: '2', usedBytes: 201 * MIB, containers: [{ usedBytes: 200 * MIB }] },
        ],
      },
    ]);
  });

  it('looks every 50 ms near an amount, and tells of each amount that is crossed', async () => {
    available(900);
    source.watch(watchOf());
    expect(leftMib()).toEqual([900]);
    available(700);
    await clock.advance(50);
    expect(leftMib()).toEqual([700]);
    available(450);
    await clock.advance(50);
    expect(leftMib()).toEqual([450]);
    available(550);
    await clock.advance(50);
    expect(leftMib()).toEqual([550]);
    // Above every `below`, and still under the `above` that a rule waits for.
    available(1_000);
    await clock.advance(50);
    available(1_700);
    await clock.advance(50);
    expect(leftMib()).toEqual([1_000, 1_700]);
  });

  it('tells once a second while memory is low', async () => {
    available(300);
    source.watch(watchOf());
    fresh();
    await clock.advance(5_000);
    expect(fresh()).toHaveLength(5);
  });

  it('looks soon again while memory falls fast, however far the amount is', async () => {
    available(6_000);
    source.watch(watchOf());
    available(4_500);
    await clock.advance(250);
    fresh();
    available(600);
    await clock.advance(50);
    expect(leftMib()).toEqual([600]);
  });

  it('puts the containers of one pod together, and leaves out what is not there', async () => {
    uses(1, 100, { pod: 7 });
    uses(2, 300, { pod: 7 });
    uses(3, 50);
    available(500);
    source.watch(watchOf([1, 7], [2, 7], [3, 3], [4, 4]));
    expect(fresh()).toMatchObject([
      {
        pods: [
          { podUid: '7', containers: [{}, {}] },
          { podUid: '3', containers: [{}] },
        ],
      },
    ]);
    source.watch(watchOf([1, 7], [2, 7], [4, 4]));
    await clock.advance(1_000);
    const [last] = fresh();
    expect(last?.pods.map(({ podUid }) => podUid)).toEqual(['7']);
  });

  it('measures a container that starts while memory is low', async () => {
    available(500);
    source.watch(watchOf());
    uses(1, 100);
    source.watch(watchOf([1, 1]));
    fresh();
    await clock.advance(1_000);
    expect(fresh()).toMatchObject([{ pods: [{ podUid: '1' }] }]);
  });

  it('is degraded while the memory cannot be read, says why, and comes back by itself', async () => {
    source.watch(watchOf());
    fake.remove('memory/memory.usage_in_bytes');
    await source.stop();
    source = createNodeMemorySource({
      cgroups: openCgroups(fake),
      clock,
      emit: () => undefined,
      onStatus: (_name, status) => statuses.push(status),
    });
    await source.start();
    source.watch(watchOf());
    expect(source.status()).toMatchObject({
      state: 'degraded',
      reason: 'the memory of the node cannot be read: there are no files of it',
    });
    expect(source.dropped()).toEqual({ unreadable: 1 });
    available(4_000);
    await clock.advance(250);
    expect(source.status()).toMatchObject({ state: 'live' });
  });

  it('rests when the last rule of its kind is taken away, and after its stop', async () => {
    source.watch(watchOf());
    source.watch(undefined);
    expect(clock.waiting()).toBe(0);
    source.watch(watchOf());
    fresh();
    await source.stop();
    source.watch(watchOf());
    await clock.advance(60_000);
    expect(signals).toEqual([]);
    expect(clock.waiting()).toBe(0);
    expect(source.status()).toEqual({ state: 'stopped' });
  });
});
