import { silentLogger } from '../../../src/base/index.ts';
import { openCgroups } from '../../../src/node/index.ts';
import type { MemorySignal } from '../../../src/signal/index.ts';
import {
  createMemorySource,
  type MemorySource,
  type MemoryWatch,
} from '../../../src/sources/memory/index.ts';
import type { SourceStatus } from '../../../src/sources/source.ts';
import { type FakeTree, makeFakeTree } from '../../node/fake-tree.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

export const MIB = 2 ** 20;

/** A memory source on a fake tree and a fake clock. */
export interface Harness {
  fake: FakeTree;
  clock: FakeClock;
  source: MemorySource;
  signals: MemorySignal[];
  statuses: SourceStatus[];
  warnings: string[];
  /** Signals since the last call. */
  fresh(): MemorySignal[];
  dispose(): Promise<void>;
}

export async function startHarness(version: 1 | 2 = 2): Promise<Harness> {
  const fake = makeFakeTree(version);
  const clock = createFakeClock();
  const signals: MemorySignal[] = [];
  const statuses: SourceStatus[] = [];
  const warnings: string[] = [];
  const source = createMemorySource({
    cgroups: openCgroups(fake),
    clock,
    log: { ...silentLogger, warn: (event) => warnings.push(event) },
    emit: (signal) => {
      if (signal.kind === 'memory') signals.push(signal);
    },
    onStatus: (_name, status) => statuses.push(status),
  });
  await source.start();
  return {
    fake,
    clock,
    source,
    signals,
    statuses,
    warnings,
    fresh: () => signals.splice(0),
    async dispose() {
      await source.stop();
      fake.dispose();
    },
  };
}

/** The id and the path of container number `n`, in pod number `pod`. */
export function container(n: number, pod = n): { id: string; path: string; podPath: string } {
  const id = n.toString(16).padStart(64, '0');
  const podPath = `kubepods/burstable/pod${pod}`;
  return { id, podPath, path: `${podPath}/${id}` };
}

export function watchOf(n: number, alarmRatio = 0.85, pod = n): MemoryWatch {
  const { id, path } = container(n, pod);
  return {
    target: {
      namespace: 'shop',
      pod: `cart-${pod}`,
      podUid: `${pod}`,
      container: 'app',
      containerId: id,
    },
    cgroup: { cgroupsPath: `/${path}` },
    alarmRatio,
  };
}
