import type { MemoryLevel } from '../../signal/index.ts';

/** From this far below a share that somebody waits for a container is sampled at the alert pace. */
export const NEAR_RATIO = 0.1;
/** A container that would be full within this time is near, however much is left. */
const NEAR_MS = 1_000;
/**
 * What bounds the whole node (kubepods) says something about a container only when the container
 * itself holds at least this share of it; else one full node would alarm for every container.
 */
const ANCESTOR_SHARE_MIN = 0.25;

/** What one round read of one level that has a limit. */
export interface LevelState {
  level: MemoryLevel['level'];
  usedBytes: number;
  limitBytes: number;
  /** Undefined while there are too few samples. */
  growthBytesPerSecond: number | undefined;
}

/** What a MemorySignal says, without time and target. */
export interface Reading {
  levels: readonly MemoryLevel[];
  usedRatio: number;
  growthBytesPerSecond: number;
  fullInMs?: number;
}

/** In alarm when it will be full within the time, from this used/limit on. */
export interface Filling {
  withinMs: number;
  floorRatio: number;
}

/** What makes a reading an alarm; see MemoryWatch. */
export interface Sensitivity {
  alarmRatio: number;
  clearRatio?: number;
  fillings?: readonly Filling[];
}

/** From where on usage is worth a close look. */
export interface Bounds {
  /** A share of the limit. */
  fromRatio: number;
  /** Whether whatever rushes is worth it too. */
  orRushing: boolean;
  fillings: readonly Filling[];
}

/** Whether usage, page cache and all, could be within the bounds. Cheap and pessimistic. */
export function mayReach(
  usageBytes: number,
  limitBytes: number,
  usageGrowth: number | undefined,
  { fromRatio, orRushing, fillings }: Bounds,
): boolean {
  if (usageBytes >= limitBytes * fromRatio) return true;
  if (!orRushing && fillings.length === 0) return false;
  const fullInMs = timeToFullMs(usageBytes, limitBytes, usageGrowth);
  if (orRushing && isRushing(fullInMs)) return true;
  return fillings.some(
    ({ withinMs, floorRatio }) => fullInMs <= withinMs && usageBytes >= limitBytes * floorRatio,
  );
}

/** Whether the reading is to be told. What was in alarm stays so down to `clearRatio`. */
export function isAlarming(
  { usedRatio, fullInMs }: Reading,
  { alarmRatio, clearRatio = alarmRatio, fillings = [] }: Sensitivity,
  wasInAlarm: boolean,
): boolean {
  if (usedRatio >= (wasInAlarm ? Math.min(clearRatio, alarmRatio) : alarmRatio)) return true;
  if (fullInMs === undefined) return false;
  return fillings.some(
    ({ withinMs, floorRatio }) => usedRatio >= floorRatio && fullInMs <= withinMs,
  );
}

/**
 * The reading of one container. `containerBytes` is its own use, with or without a limit.
 * Undefined when no level bounds it.
 */
export function judge(states: readonly LevelState[], containerBytes: number): Reading | undefined {
  const counted = states.filter(
    ({ level, limitBytes }) =>
      level !== 'ancestor' || containerBytes >= limitBytes * ANCESTOR_SHARE_MIN,
  );
  const [first, ...others] = counted;
  if (first === undefined) return undefined;
  const fullest = others.reduce(
    (best, next) => (ratioOf(next) > ratioOf(best) ? next : best),
    first,
  );
  const soonest = others.reduce((best, next) => (fullIn(next) < fullIn(best) ? next : best), first);
  const isGrowing = fullIn(soonest) < Number.POSITIVE_INFINITY;
  return {
    levels: counted.map(({ level, usedBytes, limitBytes }) => ({ level, usedBytes, limitBytes })),
    usedRatio: ratioOf(fullest),
    growthBytesPerSecond: (isGrowing ? soonest : fullest).growthBytesPerSecond ?? 0,
    ...(isGrowing ? { fullInMs: fullIn(soonest) } : {}),
  };
}

/**
 * Whether the next look at the container should come at the alert pace: it rushes, or `nextRatio`,
 * the next share that somebody waits for, is close.
 */
export function isNear({ usedRatio, fullInMs }: Reading, nextRatio: number): boolean {
  if (fullInMs !== undefined && isRushing(fullInMs)) return true;
  return usedRatio >= nextRatio - NEAR_RATIO;
}

/** However much is left, what would be full in a moment is near. */
export function isRushing(fullInMs: number): boolean {
  return fullInMs < NEAR_MS;
}

function ratioOf({ usedBytes, limitBytes }: LevelState): number {
  return usedBytes / limitBytes;
}

function fullIn({ usedBytes, limitBytes, growthBytesPerSecond }: LevelState): number {
  return timeToFullMs(usedBytes, limitBytes, growthBytesPerSecond);
}

/** Infinite while nothing grows. */
function timeToFullMs(bytes: number, limitBytes: number, growth: number | undefined): number {
  if (growth === undefined || growth <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, ((limitBytes - bytes) / growth) * 1_000);
}
