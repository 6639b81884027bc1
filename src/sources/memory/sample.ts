import type { MemoryReadFailure } from '../../node/index.ts';
import { judge, type LevelState, mayBeNear, type Reading } from './judge.ts';
import type { Level } from './level.ts';

/** What one look at a container gave. `calm`: far from every limit, nothing more was read. */
export type Sample =
  | { kind: 'calm' }
  | { kind: 'reading'; reading: Reading }
  | { kind: 'failed'; why: MemoryReadFailure };

const CALM: Sample = { kind: 'calm' };

/** How a container is looked at. */
export interface SampleOptions {
  /** Levels that were read in this round already are not read again. */
  round: number;
  nowMs: number;
  alarmRatio: number;
  /** True: read all, even when usage alone shows that no limit is near. */
  fully: boolean;
}

/** Looks at one container: its usage, and only when that may be near a limit at memory.stat. */
export function sampleLevels(levels: readonly Level[], options: SampleOptions): Sample {
  const { round, nowMs, alarmRatio } = options;
  let look = options.fully;
  for (const level of levels) {
    const limitFailure = level.refreshLimit(nowMs);
    if (limitFailure) return { kind: 'failed', why: limitFailure };
    const limit = level.limitBytes;
    if (limit === undefined) continue;
    const failure = level.readUsage(round, nowMs);
    if (failure) return { kind: 'failed', why: failure };
    look ||= mayBeNear(level.usageBytes, limit, level.usageGrowth(), alarmRatio);
  }
  return look ? lookClosely(levels, round, nowMs) : CALM;
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
  const reading = judge(states, containerBytes);
  return reading ? { kind: 'reading', reading } : CALM;
}
