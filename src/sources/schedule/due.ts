import { createHash } from 'node:crypto';

/** When one rule is to tick. */
export interface ScheduleEntry {
  rule: string;
  /** Checked at load; five fields, six with seconds first, or a preset. */
  cron: string;
  /** IANA name. */
  timeZone: string;
  /** Forbid: a time waits while captures of the rule are under way. */
  concurrency: 'Allow' | 'Forbid';
  /** How late a time may still tick. */
  startingDeadlineMs: number;
  /** Of the times that passed while nobody looked: none, or the latest within the deadline. */
  catchUp: 'none' | 'latest';
  /** Ticks later by up to this, the same on one node always. */
  jitterMs: number;
  /** Its times pass without a tick, and are not missed. */
  suspend: boolean;
}

/** What is due at a moment. */
export interface Due {
  /** The scheduled time to tick for now. */
  tickMs?: number;
  /** Scheduled times that are over and are not ticked for, with the first and the last of them. */
  missed?: { count: number; firstMs: number; lastMs: number; isAtLeast: boolean };
  /** The last scheduled time that was dealt with; the next is sought after it. */
  cursorMs: number;
  nextMs: number;
}

/** A tick may be this late: a busy process, a restart of the agent, a small jump of the clock. */
const LATE_MS_MAX = 60_000;
/** Missed times are counted one by one up to this number. */
const MISSED_MAX = 100;
/** A last time that lies further ahead was written by a clock that was wrong. */
export const AHEAD_MS_MAX = 24 * 3_600_000;

/** How late the last of several times that are over may tick. */
export function lateMsMax(entry: Pick<ScheduleEntry, 'catchUp' | 'startingDeadlineMs'>): number {
  const { catchUp, startingDeadlineMs } = entry;
  return catchUp === 'latest' ? startingDeadlineMs : Math.min(LATE_MS_MAX, startingDeadlineMs);
}

/**
 * Walks from scheduled time to scheduled time, beginning after `cursorMs` and never at `nowMs`: so
 * no time is ticked for twice when the clock goes back, and a daily time in the hour that a clock
 * change repeats comes once, also after a restart within that hour. Of several that are over only
 * the last can tick, at most `lateMs` late. `next` gives the scheduled time after a moment, and
 * may throw.
 */
export function dueAt(
  next: (afterMs: number) => number,
  cursorMs: number,
  nowMs: number,
  lateMs = LATE_MS_MAX,
): Due {
  const over: number[] = [];
  let lastMs: number | undefined;
  let isAtLeast = false;
  let nextMs = next(cursorMs);
  while (nextMs <= nowMs) {
    lastMs = nextMs;
    if (over.length < MISSED_MAX) over.push(nextMs);
    else isAtLeast = true;
    if (isAtLeast) lastMs = latestBefore(next, nextMs, nowMs);
    nextMs = next(lastMs);
  }
  const tickMs = lastMs !== undefined && nowMs - lastMs <= lateMs ? lastMs : undefined;
  if (tickMs !== undefined && !isAtLeast) over.pop();
  const [firstMs] = over;
  const lastMissedMs = (tickMs === undefined ? lastMs : over.at(-1)) ?? firstMs;
  return {
    ...(tickMs === undefined ? {} : { tickMs }),
    ...(firstMs === undefined || lastMissedMs === undefined
      ? {}
      : { missed: { count: over.length, firstMs, lastMs: lastMissedMs, isAtLeast } }),
    cursorMs: lastMs ?? cursorMs,
    nextMs,
  };
}

/**
 * The last scheduled time up to `nowMs`, or one a second before it, sought by halves from a known
 * one on: after a year of absence the walk from one to the next would take hours.
 */
function latestBefore(next: (afterMs: number) => number, knownMs: number, nowMs: number): number {
  let latest = knownMs;
  let until = nowMs;
  while (until - latest > 1_000) {
    const middle = latest + Math.floor((until - latest) / 2);
    const found = next(middle);
    if (found <= nowMs) latest = found;
    else until = middle;
  }
  return latest;
}

/**
 * Where to begin for a rule. `lastMs` is when it last ticked; a rule that never did begins now,
 * and one whose last time lies more than a day ahead too.
 */
export function startCursorMs(lastMs: number | undefined, nowMs: number): number {
  return lastMs === undefined || lastMs - nowMs > AHEAD_MS_MAX ? nowMs : lastMs;
}

/**
 * How much later than scheduled a rule ticks on a node: anything up to `jitterMs`, and always the
 * same, so that runs keep their distance and no two nodes freeze their replicas together.
 */
export function jitterOf(node: string, rule: string, jitterMs: number): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([node, rule]))
    .digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * jitterMs);
}
