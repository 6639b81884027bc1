import type { MemoryLevel } from '../../signal/index.ts';

/** From this far below the alarm ratio on a container is sampled at the alert pace. */
const NEAR_RATIO = 0.1;
/** A container that would be full within this time is near, however much is left. */
const NEAR_MS = 1_000;
/** After this long in alarm without a rush towards the limit the calm pace is enough. */
const STEADY_ALARM_MS = 1_000;
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

/** What makes a reading an alarm; see MemoryWatch. */
export interface Sensitivity {
  alarmRatio: number;
  clearRatio?: number;
  filling?: { withinMs: number; floorRatio: number };
}

/** Whether usage, page cache and all, could mean that the limit is near. Cheap and pessimistic. */
export function mayBeNear(
  usageBytes: number,
  limitBytes: number,
  usageGrowth: number | undefined,
  watch: Sensitivity,
): boolean {
  if (usageBytes >= limitBytes * (watch.alarmRatio - NEAR_RATIO)) return true;
  if (timeToFullMs(usageBytes, limitBytes, usageGrowth) < NEAR_MS) return true;
  return mayFill(usageBytes, limitBytes, usageGrowth, watch);
}

/** Whether usage, page cache and all, could mean an alarm. Cheap and pessimistic. */
export function mayAlarm(
  usageBytes: number,
  limitBytes: number,
  usageGrowth: number | undefined,
  watch: Sensitivity,
): boolean {
  if (usageBytes >= limitBytes * watch.alarmRatio) return true;
  return mayFill(usageBytes, limitBytes, usageGrowth, watch);
}

function mayFill(
  usageBytes: number,
  limitBytes: number,
  usageGrowth: number | undefined,
  { filling }: Sensitivity,
): boolean {
  if (!filling || usageBytes < limitBytes * filling.floorRatio) return false;
  return timeToFullMs(usageBytes, limitBytes, usageGrowth) <= filling.withinMs;
}

/** Whether the reading is to be told. What was in alarm stays so down to `clearRatio`. */
export function isAlarming(
  { usedRatio, fullInMs }: Reading,
  { alarmRatio, clearRatio = alarmRatio, filling }: Sensitivity,
  wasInAlarm: boolean,
): boolean {
  if (usedRatio >= (wasInAlarm ? Math.min(clearRatio, alarmRatio) : alarmRatio)) return true;
  if (!filling || fullInMs === undefined) return false;
  return usedRatio >= filling.floorRatio && fullInMs <= filling.withinMs;
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

/** Whether the next look at the container should come at the alert pace. */
export function isNear(reading: Reading, alarmRatio: number, inAlarmMs: number): boolean {
  if (reading.fullInMs !== undefined && reading.fullInMs < NEAR_MS) return true;
  return reading.usedRatio >= alarmRatio - NEAR_RATIO && inAlarmMs < STEADY_ALARM_MS;
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
