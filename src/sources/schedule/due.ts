/** When one rule is to tick. */
export interface ScheduleEntry {
  rule: string;
  /** Checked at load; five fields, six with seconds first, or a preset. */
  cron: string;
  /** IANA name. */
  timeZone: string;
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

/**
 * Walks from scheduled time to scheduled time, beginning after `cursorMs` and never at `nowMs`: so
 * no time is ticked for twice when the clock goes back, and a daily time in the hour that a clock
 * change repeats comes once, also after a restart within that hour. Of several that are over only
 * the last can tick. `next` gives the scheduled time after a moment, and may throw.
 */
export function dueAt(next: (afterMs: number) => number, cursorMs: number, nowMs: number): Due {
  let nextMs = next(cursorMs);
  const over: number[] = [];
  let isAtLeast = false;
  while (nextMs <= nowMs) {
    over.push(nextMs);
    isAtLeast ||= over.length > MISSED_MAX;
    nextMs = next(over.length > MISSED_MAX ? Math.max(nextMs, nowMs - LATE_MS_MAX) : nextMs);
  }
  const last = over.at(-1);
  const tickMs = last !== undefined && nowMs - last <= LATE_MS_MAX ? over.pop() : undefined;
  const [firstMs] = over;
  return {
    ...(tickMs === undefined ? {} : { tickMs }),
    ...(firstMs === undefined
      ? {}
      : { missed: { count: over.length, firstMs, lastMs: over.at(-1) ?? firstMs, isAtLeast } }),
    cursorMs: last ?? cursorMs,
    nextMs,
  };
}

/**
 * Where to begin for a rule. `lastMs` is when it last ticked; a rule that never did begins now,
 * and one whose last time lies more than a day ahead too.
 */
export function startCursorMs(lastMs: number | undefined, nowMs: number): number {
  return lastMs === undefined || lastMs - nowMs > AHEAD_MS_MAX ? nowMs : lastMs;
}
