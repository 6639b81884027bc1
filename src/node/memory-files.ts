import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isGone } from './small-file.ts';

/** Names of the files of the memory controller and of the keys in memory.stat. */
const NAMES = {
  1: {
    usage: 'memory.usage_in_bytes',
    limit: 'memory.limit_in_bytes',
    inactiveFile: 'total_inactive_file',
  },
  2: { usage: 'memory.current', limit: 'memory.max', inactiveFile: 'inactive_file' },
} as const;

/** Above it a v1 limit means none: PAGE_COUNTER_MAX, just under 2^63, less on large pages. */
const UNLIMITED_BYTES_MIN = 2 ** 62;
const STAT_BYTES_MAX = 16 * 1024;

/** One buffer for all: reads are synchronous and each result is taken out of it at once. */
const buffer = Buffer.allocUnsafe(STAT_BYTES_MAX);
const DIGIT_0 = 48;
const NEWLINE = 10;

/**
 * Why a number could not be had. `gone`: the cgroup was removed. `garbled`: the contents are not
 * what the kernel writes. `unreadable`: no right, or no file descriptor left.
 */
export type MemoryReadFailure = 'gone' | 'garbled' | 'unreadable';

/**
 * The memory files of one cgroup directory. Files are kept open and read at position 0, about 2 us
 * each, so whoever imitates them must write in place, not by renaming. Failures are returned.
 */
export interface MemoryFiles {
  /** All memory charged, page cache too. */
  usageBytes(): number | MemoryReadFailure;
  /** Page cache that the kernel drops before it kills; costs more than usageBytes. */
  inactiveFileBytes(): number | MemoryReadFailure;
  /** `none` when there is no limit. `gone` also when the file was unlinked while we hold it. */
  limitBytes(): number | 'none' | MemoryReadFailure;
  close(): void;
}

/** Opens nothing yet: each file is opened when it is first read. */
export function createMemoryFiles(version: 1 | 2, directory: string): MemoryFiles {
  const names = NAMES[version];
  const usage = keptOpen(join(directory, names.usage));
  const stat = keptOpen(join(directory, 'memory.stat'));
  const limit = keptOpen(join(directory, names.limit));
  const atStart = Buffer.from(`${names.inactiveFile} `);
  const atLine = Buffer.from(`\n${names.inactiveFile} `);
  return {
    usageBytes() {
      const length = usage.read(64);
      return typeof length === 'number' ? parseNumber(0, length) : length;
    },
    inactiveFileBytes() {
      const length = stat.read(STAT_BYTES_MAX);
      if (typeof length !== 'number') return length;
      if (startsWith(atStart, length)) return parseNumber(atStart.length, length);
      const found = buffer.subarray(0, length).indexOf(atLine);
      return found < 0 ? 'garbled' : parseNumber(found + atLine.length, length);
    },
    limitBytes() {
      const length = limit.read(64);
      if (typeof length !== 'number') return length;
      return limit.isUnlinked() ? 'gone' : parseLimit(length);
    },
    close() {
      usage.close();
      stat.close();
      limit.close();
    },
  };
}

/** What is used and not inactive page cache: the working set of kubelet and cadvisor. */
export function workingSetBytes(files: MemoryFiles): number | MemoryReadFailure {
  const usage = files.usageBytes();
  if (typeof usage !== 'number') return usage;
  const inactiveFile = files.inactiveFileBytes();
  return typeof inactiveFile === 'number' ? Math.max(0, usage - inactiveFile) : inactiveFile;
}

/** False where the memory controller is not switched on. */
export function hasMemoryFiles(version: 1 | 2, directory: string): boolean {
  return existsSync(join(directory, NAMES[version].usage));
}

/** Reads the limit once. */
export function readLimitBytes(
  version: 1 | 2,
  directory: string,
): number | 'none' | MemoryReadFailure {
  const files = createMemoryFiles(version, directory);
  try {
    return files.limitBytes();
  } finally {
    files.close();
  }
}

/** A file that is opened on first use and read into the shared buffer. */
function keptOpen(path: string) {
  let descriptor: number | undefined;
  return {
    read(bytesMax: number): number | MemoryReadFailure {
      try {
        descriptor ??= openSync(path, constants.O_RDONLY);
        return readSync(descriptor, buffer, 0, bytesMax, 0);
      } catch (error) {
        return isGone(error) ? 'gone' : 'unreadable';
      }
    },
    /** The kernel fails the read of a removed cgroup; a plain file that imitates one does not. */
    isUnlinked: () => descriptor !== undefined && fstatSync(descriptor).nlink === 0,
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

function parseLimit(length: number): number | 'none' | 'garbled' {
  if (buffer.toString('latin1', 0, Math.min(length, 3)) === 'max') return 'none';
  const limit = parseDigits(0, length);
  if (limit === undefined) return 'garbled';
  return limit >= UNLIMITED_BYTES_MIN ? 'none' : limit;
}

/** Digits up to a line end or the end of the contents; nothing else is a number. */
function parseNumber(from: number, length: number): number | 'garbled' {
  const value = parseDigits(from, length);
  return value === undefined || value > Number.MAX_SAFE_INTEGER ? 'garbled' : value;
}

function parseDigits(from: number, length: number): number | undefined {
  let value = 0;
  let at = from;
  for (; at < length && at < from + 20; at++) {
    const digit = (buffer[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (at === from || (at < length && buffer[at] !== NEWLINE)) return undefined;
  return value;
}

function startsWith(prefix: Buffer, length: number): boolean {
  return (
    length >= prefix.length && buffer.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
  );
}
