import { statfsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Cgroups, ContainerCgroup, DiskSpace, NodeProbe } from './cgroup-types.ts';
import { type CgroupOptions, openCgroups } from './open-cgroups.ts';
import { fromFs, readSmallFile } from './small-file.ts';

/** Throws `unsupported` on a machine without cgroups, unless they are given. */
export function createNodeProbe(options: CgroupOptions & { cgroups?: Cgroups } = {}): NodeProbe {
  const procRoot = resolve(options.procRoot ?? '/proc');
  return {
    cgroups: options.cgroups ?? openCgroups(options),
    tracerPid: (pid) => readTracerPid(procRoot, pid),
    imageBytes: readImageBytes,
  };
}

/** Space of the file system that holds `path`. Errors: `not-found` when there is no such path. */
export function readDiskSpace(path: string): DiskSpace {
  try {
    const space = statfsSync(path);
    const blockBytes = space.frsize > 0 ? space.frsize : space.bsize;
    return {
      path,
      device: statSync(path).dev,
      totalBytes: space.blocks * blockBytes,
      availableBytes: space.bavail * blockBytes,
    };
  } catch (error) {
    throw fromFs(error, 'read', path);
  }
}

function readTracerPid(procRoot: string, pid: number): number | undefined {
  const status = readSmallFile(join(procRoot, String(pid), 'status'));
  const match = /^TracerPid:\s*(\d+)$/m.exec(status ?? '');
  return match ? Number(match[1]) : undefined;
}

/**
 * v2: anon + shmem + memory.swap.current. v1: total_rss (all anonymous memory) + total_shmem +
 * total_swap. Clean file pages are not written into a checkpoint.
 */
function readImageBytes(cgroup: ContainerCgroup): number | undefined {
  const directory = cgroup.memoryLevels[0]?.directory;
  if (directory === undefined) return undefined;
  const stat = readSmallFile(join(directory, 'memory.stat'));
  if (stat === undefined) return undefined;
  if (cgroup.version === 1) return sumOf(stat, ['total_rss', 'total_shmem', 'total_swap']);
  const resident = sumOf(stat, ['anon', 'shmem']);
  const swapped = Number(readSmallFile(join(directory, 'memory.swap.current')) ?? 0);
  return resident === undefined ? undefined : resident + (Number.isFinite(swapped) ? swapped : 0);
}

/** The sum of the keys that are there; undefined when the first, which always is, is missing. */
function sumOf(stat: string, keys: readonly string[]): number | undefined {
  const values = new Map<string, number>();
  for (const line of stat.split('\n')) {
    const match = /^(\w+) (\d{1,16})$/.exec(line);
    if (match?.[1] !== undefined) values.set(match[1], Number(match[2]));
  }
  if (!values.has(keys[0] ?? '')) return undefined;
  return keys.reduce((sum, key) => sum + (values.get(key) ?? 0), 0);
}
