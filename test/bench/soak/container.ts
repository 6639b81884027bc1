import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../../../src/base/index.ts';

const MIB = 2 ** 20;

/** What the kernel has counted for one container, at one moment. */
export interface Usage {
  atMs: number;
  /** CPU time since its start. */
  cpuMs: number;
  /** All that is charged to the container, its page cache included. */
  usageMiB: number;
  /** Without the cache that has not been used lately: `kubectl top` and evictions go by it. */
  workingSetMiB: number;
  /** Memory of its processes that has no file behind it. */
  anonymousMiB: number;
  /** Resident set of the agent's process, with what it maps of its program's file. */
  residentMiB: number;
  /** The most that it ever was, between two looks too. */
  residentPeakMiB: number;
  /** The working set of the whole pod: the agent, and the process that holds its namespaces. */
  podWorkingSetMiB: number;
  /** The most that was ever charged to the container. */
  peakMiB: number;
}

interface Files {
  memory: string;
  cpu: string;
}

/** Reads the cgroup of a running container, which its first process leads to. */
export function openContainer(pid: number): { usage(): Usage; environment(): string } {
  const files = cgroupOf(pid);
  return {
    usage: () => readUsage(pid, files),
    /** What of its environment sets up Node.js or the allocator. */
    environment: () =>
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter((entry) => /^(NODE_OPTIONS|MALLOC_|LD_PRELOAD|UV_)/.test(entry))
        .join(' '),
  };
}

function cgroupOf(pid: number): Files {
  const root = '/sys/fs/cgroup';
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const find = (controller: string): string => {
    for (const line of lines) {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers.split(',').includes(controller)) return join(root, controllers, path);
    }
    const unified = lines.find((line) => line.startsWith('0::'))?.slice('0::'.length) ?? '';
    return join(root, unified);
  };
  return { memory: find('memory'), cpu: find('cpuacct') };
}

function readUsage(pid: number, { memory, cpu }: Files): Usage {
  const own = readMemory(memory);
  const pod = readMemory(dirname(memory));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const resident = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
  return {
    atMs: systemClock.monotonicMs(),
    cpuMs: readCpuMs(cpu),
    ...own,
    residentMiB: resident('VmRSS'),
    residentPeakMiB: resident('VmHWM'),
    podWorkingSetMiB: pod.workingSetMiB,
  };
}

function readMemory(directory: string) {
  const isV2 = existsSync(join(directory, 'memory.current'));
  const names = isV2
    ? { usage: 'memory.current', peak: 'memory.peak', file: 'inactive_file', anon: 'anon' }
    : {
        usage: 'memory.usage_in_bytes',
        peak: 'memory.max_usage_in_bytes',
        file: 'total_inactive_file',
        anon: 'total_rss',
      };
  const number = (name: string) => Number(readFileSync(join(directory, name), 'utf8')) / MIB;
  const stat = readFileSync(join(directory, 'memory.stat'), 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1]) / MIB;
  const usageMiB = number(names.usage);
  return {
    usageMiB,
    workingSetMiB: Math.max(0, usageMiB - field(names.file)),
    anonymousMiB: field(names.anon),
    peakMiB: number(names.peak),
  };
}

function readCpuMs(directory: string): number {
  const v1 = join(directory, 'cpuacct.usage');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e6;
  const stat = readFileSync(join(directory, 'cpu.stat'), 'utf8');
  return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1]) / 1e3;
}
