import { createMemoryFiles, type MemoryFiles, type MemoryReadFailure } from '../../node/index.ts';
import type { MemoryLevel } from '../../signal/index.ts';
import { createGrowth } from './growth.ts';

/** Limits change only by an in-place resize, so they are read this often. */
const LIMIT_EVERY_MS = 1_000;
/** Refreshes of levels that were made together are spread by this step. */
const LIMIT_SPREAD_MS = 37;

/**
 * One cgroup directory, shared by all containers below it and read at most once a round. `usage`
 * is cheap and includes page cache; `used` leaves out what the kernel can drop, and costs a read
 * of memory.stat: it is read only when usage alone cannot rule out that the limit is near.
 */
export class Level {
  readonly name: MemoryLevel['level'];
  readonly directory: string;
  /** Undefined = no limit, or not read yet. */
  limitBytes: number | undefined;
  usageBytes = 0;
  usedBytes = 0;
  readonly #files: MemoryFiles;
  readonly #usageGrowth = createGrowth();
  readonly #usedGrowth = createGrowth();
  #usageRound = -1;
  #usedRound = -1;
  #limitDueMs = Number.NEGATIVE_INFINITY;
  readonly #limitDelayMs: number;

  constructor(version: 1 | 2, name: MemoryLevel['level'], directory: string, order: number) {
    this.name = name;
    this.directory = directory;
    this.#files = createMemoryFiles(version, directory);
    this.#limitDelayMs = (order * LIMIT_SPREAD_MS) % LIMIT_EVERY_MS;
  }

  /** Reads the limit when its time has come; keeps the last one when the file is no help. */
  refreshLimit(nowMs: number): MemoryReadFailure | undefined {
    if (nowMs < this.#limitDueMs) return undefined;
    const isFirst = this.#limitDueMs === Number.NEGATIVE_INFINITY;
    this.#limitDueMs = nowMs + LIMIT_EVERY_MS + (isFirst ? this.#limitDelayMs : 0);
    const limit = this.#files.limitBytes();
    if (limit === 'none' || limit === 0) this.limitBytes = undefined;
    else if (typeof limit === 'number') this.limitBytes = limit;
    else return limit;
    return undefined;
  }

  readUsage(round: number, nowMs: number): MemoryReadFailure | undefined {
    if (this.#usageRound === round) return undefined;
    const usage = this.#files.usageBytes();
    if (typeof usage !== 'number') return usage;
    this.#usageRound = round;
    this.usageBytes = usage;
    this.#usageGrowth.push(nowMs, usage);
    return undefined;
  }

  /** After readUsage of the same round. */
  readUsed(round: number, nowMs: number): MemoryReadFailure | undefined {
    if (this.#usedRound === round) return undefined;
    const inactiveFile = this.#files.inactiveFileBytes();
    if (typeof inactiveFile !== 'number') return inactiveFile;
    this.#usedRound = round;
    this.usedBytes = Math.max(0, this.usageBytes - inactiveFile);
    this.#usedGrowth.push(nowMs, this.usedBytes);
    return undefined;
  }

  /** Of usage: page cache too, so an upper bound while the cache grows. */
  usageGrowth(): number | undefined {
    return this.#usageGrowth.bytesPerSecond();
  }

  /** Of the non-reclaimable use; of usage until there are samples enough. */
  usedGrowth(): number | undefined {
    return this.#usedGrowth.bytesPerSecond() ?? this.usageGrowth();
  }

  close(): void {
    this.#files.close();
  }
}

/** Hands out one Level a directory, and closes it when the last container lets go of it. */
export class LevelTable {
  readonly #entries = new Map<string, { level: Level; holders: number }>();
  #made = 0;

  take(version: 1 | 2, name: MemoryLevel['level'], directory: string): Level {
    const known = this.#entries.get(directory);
    if (known) {
      known.holders++;
      return known.level;
    }
    const level = new Level(version, name, directory, this.#made++);
    this.#entries.set(directory, { level, holders: 1 });
    return level;
  }

  release(level: Level): void {
    const entry = this.#entries.get(level.directory);
    if (!entry || --entry.holders > 0) return;
    this.#entries.delete(level.directory);
    level.close();
  }
}
