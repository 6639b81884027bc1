import type { MemoryReadFailure } from '../../node/index.ts';
import { type Bounds, judge, type LevelState, mayReach, type Reading } from './judge.ts';
import type { Level } from './level.ts';

/**
 * What one look at a container gave. `calm`: outside the bounds, nothing more was read.
 * `unbounded`: no level has a limit. `isUnsure`: the growth of a level is not known yet, so the next
 * look should come soon.
 */
export type Sample =
  | { kind: 'calm' | 'unbounded' }
  | { kind: 'reading'; reading: Reading; isUnsure: boolean }
  | { kind: 'failed'; why: MemoryReadFailure };

const CALM: Sample = { kind: 'calm' };

/** How a container is looked at. */
export interface SampleOptions {
  /** Levels that were read in this round already are not read again. */
  round: number;
  nowMs: number;
  /** What usage must reach for all to be read; absent = it is read anyway. */
  bounds?: Bounds;
}

/**
 * Looks at one container, whose levels come from the outermost to its own. What a pod uses bounds
 * what its containers use: while that is far from a container's limit, its own files are not read.
 * memory.stat, which costs seven times as much, is read only when usage does not settle it.
 */
export function sampleLevels(levels: readonly Level[], options: SampleOptions): Sample {
  const { round, nowMs, bounds } = options;
  let isSettled = bounds !== undefined;
  let pod: Level | undefined;
  for (const level of levels) {
    const limitFailure = level.refreshLimit(nowMs);
    if (limitFailure) return { kind: 'failed', why: limitFailure };
    const limit = level.limitBytes;
    if (limit === undefined || (pod && isFar(pod, limit, bounds))) continue;
    const failure = level.readUsage(round, nowMs);
    if (failure) return { kind: 'failed', why: failure };
    if (level.name === 'pod') pod = level;
    // A container that its pod says nothing good of, and whose own growth is not known yet.
    else if (pod && bounds?.orRushing && level.usageGrowth() === undefined) isSettled = false;
    isSettled &&= isFar(level, limit, bounds);
  }
  return isSettled ? CALM : lookClosely(levels, round, nowMs);
}

/** Whether usage, page cache and all, shows that the limit is far. */
function isFar(level: Level, limitBytes: number, bounds: Bounds | undefined): boolean {
  return (
    bounds !== undefined && !mayReach(level.usageBytes, limitBytes, level.usageGrowth(), bounds)
  );
}

function lookClosely(levels: readonly Level[], round: number, nowMs: number): Sample {
  const states: LevelState[] = [];
  let containerBytes = 0;
  for (const level of levels) {
    const failure = level.readUsage(round, nowMs) ?? level.readUsed(round, nowMs);
    if (failure) return { kind: 'failed', why: failure };
    if (level.name === 'container') containerBytes = Math.max(containerBytes, level.usedBytes);
    if (level.limitBytes === undefined) continue;
    states.push({
      level: level.name,
      usedBytes: level.usedBytes,
      limitBytes: level.limitBytes,
      growthBytesPerSecond: level.usedGrowth(),
    });
  }
  const reading = judge(states.reverse(), containerBytes);
  if (!reading) return { kind: 'unbounded' };
  const isUnsure = states.some(({ growthBytesPerSecond }) => growthBytesPerSecond === undefined);
  return { kind: 'reading', reading, isUnsure };
}
