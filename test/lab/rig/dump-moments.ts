import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { GiveUp, waitFor } from '../base/wait.ts';
import { home, markerVariable, runDir } from '../layout.ts';
import type { LabNode } from '../lib/index.ts';

/*
 * Moments of a dump, found by what can be seen of it from outside: the freezer, CRIU's process,
 * and how far its images are. Asked again each millisecond, since a whole dump may last 200.
 */

const EVERY_MS = 1;
const WAIT_MS_MAX = 30_000;

/** Who works on a dump; each can be killed. */
export const workers = ['runc', 'criu'] as const;
export type Worker = (typeof workers)[number];

const marker = `${markerVariable}=${runDir}`;

/** Processes of this lab (others may run on the same machine) that are such a worker now. */
export function pidsOf(worker: Worker): number[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const isRunc = (pid: string) =>
    /\brunc\0.*\0checkpoint\0/.test(read(`/proc/${pid}/cmdline`)) &&
    `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${marker}\0`);
  // CRIU writes over its command line and its environment: its parent says whose it is.
  const isCriu = (pid: string) =>
    programOf(pid).startsWith(path.join(home, 'criu')) && isRunc(parentOf(pid));
  return pids.filter(worker === 'runc' ? isRunc : isCriu).map(Number);
}

function parentOf(pid: string): string {
  return /^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '0';
}

function programOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** Empty for a process that has gone meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** When in a dump: CRIU has begun, has written half of the memory, has written its last image. */
export const moments = ['begin', 'middle', 'end'] as const;
export type Moment = (typeof moments)[number];

export interface DumpWatch {
  node: LabNode;
  /** What the container holds, so that half of it is known. */
  sizeMB: number;
  /** True once there is no sense in waiting any longer: the capture has ended. */
  over(): boolean;
}

/** Resolves at that moment of the next dump through containerd. Rejects when it was missed. */
export async function reach(moment: Moment, { node, sizeMB, over }: DumpWatch): Promise<void> {
  const root = path.join(node.checkpointsDir, '.stillpoint/images');
  await waitFor(
    `the ${moment} of a dump`,
    () => {
      if (isReached(moment, root, sizeMB)) return true;
      if (over()) throw new GiveUp(`the capture ended before its ${moment} was seen`);
      return undefined;
    },
    { everyMs: EVERY_MS, timeoutMs: WAIT_MS_MAX },
  );
}

const seen: Record<Moment, (images: string, sizeMB: number) => boolean> = {
  begin: (images) => readdir(images).some((name) => name.endsWith('.img')),
  middle: (images, sizeMB) => pagesBytes(images) > (sizeMB * 2 ** 20) / 2,
  end: (images) => readdir(images).includes('inventory.img'),
};

function isReached(moment: Moment, root: string, sizeMB: number): boolean {
  return imagesIn(root).some((images) => seen[moment](images, sizeMB));
}

function imagesIn(root: string): string[] {
  return readdir(root).map((folder) => path.join(root, folder, 'checkpoint'));
}

function pagesBytes(images: string): number {
  return readdir(images)
    .filter((name) => name.startsWith('pages-'))
    .reduce((sum, name) => {
      const stat = statSync(path.join(images, name), { throwIfNoEntry: false });
      return sum + (stat?.size ?? 0);
    }, 0);
}

function readdir(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
