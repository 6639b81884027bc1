import type { Store } from '../store/index.ts';

const HOUR_MS = 3_600_000;

/**
 * How many captures this node began within the last hour, kept in the store so that a restart does
 * not forget them. A clock that was set back leaves starts in the future: they count too, so that
 * the budget errs on the side of doing no harm, and end when the clock has caught up.
 */
export interface HourlyBudget {
  /** Captures begun within the hour before `nowMs`. */
  used(nowMs: number): number;
  noteStart(triggerId: string, nowMs: number): void;
  /** A guard refused the capture after all. */
  giveBack(triggerId: string): void;
  /** When the oldest of them leaves the window; undefined while none is in it. */
  freeAgainAtMs(nowMs: number): number | undefined;
}

export function createHourlyBudget(store: Store): HourlyBudget {
  const within = (nowMs: number) =>
    store.get(
      'SELECT COUNT(*) AS used, MIN(started_ms) AS oldest FROM capture_start WHERE started_ms > ?',
      nowMs - HOUR_MS,
    );
  return {
    used: (nowMs) => Number(within(nowMs)?.used ?? 0),
    noteStart(triggerId, nowMs) {
      store.run('DELETE FROM capture_start WHERE started_ms <= ?', nowMs - HOUR_MS);
      store.run('INSERT OR REPLACE INTO capture_start VALUES (?, ?)', triggerId, nowMs);
    },
    giveBack(triggerId) {
      store.run('DELETE FROM capture_start WHERE trigger_id = ?', triggerId);
    },
    freeAgainAtMs(nowMs) {
      const oldest = within(nowMs)?.oldest;
      return oldest === null || oldest === undefined ? undefined : Number(oldest) + HOUR_MS;
    },
  };
}
