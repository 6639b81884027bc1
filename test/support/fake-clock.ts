import type { Cancel, Clock } from '../../src/base/index.ts';

/** A clock that stands still until the test moves it. */
export interface FakeClock extends Clock {
  /** Moves both clocks on by `ms`, running what falls due in order, promises in between too. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock alone (it may jump either way); the monotonic clock does not move. */
  setWall(ms: number): void;
  /** How many timers and sleeps wait. */
  waiting(): number;
}

interface Timer {
  dueMs: number;
  order: number;
  run: () => void;
  everyMs?: number;
}

/** Starts at `wallMs` (default 2026-01-01T00:00:00Z), monotonic 0. */
export function createFakeClock(wallMs = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = wallMs;
  let monotonic = 0;
  let order = 0;
  const timers = new Set<Timer>();
  const add = (ms: number, run: () => void, everyMs?: number): Cancel => {
    const timer: Timer = { dueMs: monotonic + Math.max(0, ms), order: order++, run, everyMs };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  };
  const step = (toMs: number) => {
    wall += toMs - monotonic;
    monotonic = toMs;
  };
  return {
    // The real one tells whole milliseconds too.
    wallMs: () => Math.floor(wall),
    monotonicMs: () => monotonic,
    after: (ms, run) => add(ms, run),
    every: (ms, run) => add(ms, run, Math.max(1, ms)),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const cancel = add(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        const onAbort = () => {
          cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    setWall(ms) {
      wall = ms;
    },
    waiting: () => timers.size,
    async advance(ms) {
      const endMs = monotonic + ms;
      await settle();
      for (let next = nextDue(timers, endMs); next; next = nextDue(timers, endMs)) {
        step(Math.max(monotonic, next.dueMs));
        if (next.everyMs === undefined) timers.delete(next);
        else next.dueMs += next.everyMs;
        next.run();
        await settle();
      }
      step(endMs);
      await settle();
    },
  };
}

function nextDue(timers: Set<Timer>, endMs: number): Timer | undefined {
  let best: Timer | undefined;
  for (const timer of timers) {
    if (timer.dueMs > endMs) continue;
    if (
      !best ||
      timer.dueMs < best.dueMs ||
      (timer.dueMs === best.dueMs && timer.order < best.order)
    )
      best = timer;
  }
  return best;
}

/** Lets promise chains run; one macrotask is enough for any chain without I/O. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
