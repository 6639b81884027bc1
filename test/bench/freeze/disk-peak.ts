import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../../src/base/index.ts';

/** How much more of a disk was in use, over what was when the watch began. */
export interface DiskUse {
  /** The most at any moment. Blocks that are promised but not yet written count (ext4, xfs). */
  peakBytes: number;
  /** At the end: what the run left. */
  leftBytes: number;
}

/** Watches the file system of that directory until `stop`. */
export async function watchDisk(directory: string): Promise<{ stop(): Promise<DiskUse> }> {
  const worker = new Worker(new URL('./disk-peak-worker.ts', import.meta.url), {
    workerData: { directory },
  });
  await once(worker, 'message');
  return {
    async stop() {
      const answer = once(worker, 'message');
      worker.postMessage('stop');
      const [use] = (await answer) as [DiskUse];
      return use;
    },
  };
}

const CALM_BYTES = 4e6;
const CALM_MS = 1_500;
const WAIT_MS_MAX = 60_000;

/**
 * Forces everything to disk and waits until its free space has stood still: what the run before
 * left to be written or collected must not be counted to the next one.
 */
export async function calmDisk(directory: string): Promise<void> {
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += CALM_MS) {
    spawnSync('sync');
    const before = freeBytes();
    await systemClock.sleep(CALM_MS);
    if (Math.abs(freeBytes() - before) < CALM_BYTES) return;
  }
}
