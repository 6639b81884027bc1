import { performance } from 'node:perf_hooks';

/** Ends what a Clock started. Calling it twice is harmless. */
export type Cancel = () => void;

/**
 * The only way to learn the time or to wait. Given by constructor everywhere, so that tests and
 * replays run on a clock of their own.
 */
export interface Clock {
  /** Milliseconds since 1970, as the node's clock tells it; may jump. For records and windows. */
  wallMs(): number;
  /** Milliseconds that never go back; for durations and deadlines. Origin without meaning. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms`. Does not keep the process alive. */
  after(ms: number, run: () => void): Cancel;
  /** Calls `run` every `ms`. Does not keep the process alive. */
  every(ms: number, run: () => void): Cancel;
}

/** The longest wait that a Node timer can hold (2^31 - 1 ms); a longer one would fire at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** The real clock of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: sleepReal,
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    timer.unref();
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, Math.max(1, ms));
    timer.unref();
    return () => clearInterval(timer);
  },
};

function sleepReal(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.min(Math.max(0, ms), TIMER_MS_MAX),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
