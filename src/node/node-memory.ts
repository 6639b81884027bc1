import { join } from 'node:path';
import { createMemoryFiles, type MemoryReadFailure, workingSetBytes } from './memory-files.ts';
import { readSmallFile } from './small-file.ts';

/** Memory of the machine, as the kubelet's signal `memory.available` counts it. */
export interface NodeMemory {
  /** MemTotal. */
  capacityBytes: number;
  /** Capacity less the working set of the root cgroup: what is used and not inactive page cache. */
  availableBytes: number;
}

/** Reads the memory of the whole machine. Failures are returned. */
export interface NodeMemoryFiles {
  /** `gone`: there are no such files at all. */
  read(): NodeMemory | MemoryReadFailure;
  close(): void;
}

/**
 * From the files that the kubelet reads. v1: usage and inactive file pages of the root cgroup. v2
 * has no memory.current at the root; there anon and file of its memory.stat together are the usage
 * (opencontainers/cgroups fs2 rootStatsFromMeminfo, which cadvisor takes its numbers from).
 * `memoryRoot` is the root of the memory hierarchy. Nothing is opened before the first read.
 */
export function openNodeMemory(
  version: 1 | 2,
  memoryRoot: string,
  procRoot: string,
): NodeMemoryFiles {
  const root = createMemoryFiles(version, memoryRoot);
  let capacityBytes: number | undefined;
  const workingSet = version === 1 ? () => workingSetBytes(root) : () => rootWorkingSet(memoryRoot);
  return {
    read() {
      try {
        // Memory is plugged into few machines while they run; the kubelet asks once, too.
        capacityBytes ??= memTotalOf(readSmallFile(join(procRoot, 'meminfo')));
        if (capacityBytes === undefined) return 'gone';
        const used = workingSet();
        if (typeof used !== 'number') return used;
        return { capacityBytes, availableBytes: Math.max(0, capacityBytes - used) };
      } catch {
        return 'unreadable';
      }
    },
    close: () => root.close(),
  };
}

function rootWorkingSet(directory: string): number | MemoryReadFailure {
  const stat = readSmallFile(join(directory, 'memory.stat'));
  if (stat === undefined) return 'gone';
  const [anon, file, inactiveFile] = STAT_LINES.map((line) => numberOf(stat, line));
  if (anon === undefined || file === undefined || inactiveFile === undefined) return 'garbled';
  return Math.max(0, anon + file - inactiveFile);
}

function memTotalOf(meminfo: string | undefined): number | undefined {
  const kibibytes = meminfo === undefined ? undefined : numberOf(meminfo, MEM_TOTAL);
  return kibibytes === undefined ? undefined : kibibytes * 1_024;
}

const STAT_LINES = [/^anon (\d{1,16})$/m, /^file (\d{1,16})$/m, /^inactive_file (\d{1,16})$/m];
const MEM_TOTAL = /^MemTotal: +(\d{1,15}) kB$/m;

function numberOf(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
