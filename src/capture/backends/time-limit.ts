import type { Clock } from '../../base/index.ts';

/** A signal that is aborted by the caller's own or by a time limit, and tells which. */
export interface TimeLimit {
  signal: AbortSignal;
  /** True when the time was up before the caller gave up. */
  timedOut(): boolean;
  /** Call when the work has ended. */
  end(): void;
}

export function withTimeLimit(clock: Clock, ms: number, outer: AbortSignal): TimeLimit {
  const inner = new AbortController();
  let timedOut = false;
  const cancel = clock.after(ms, () => {
    timedOut = !inner.signal.aborted;
    inner.abort();
  });
  const onAbort = () => inner.abort();
  if (outer.aborted) onAbort();
  else outer.addEventListener('abort', onAbort, { once: true });
  return {
    signal: inner.signal,
    timedOut: () => timedOut,
    end() {
      cancel();
      outer.removeEventListener('abort', onAbort);
    },
  };
}
