import { type Clock, StillpointError } from '../base/index.ts';
import type { Asked } from './from-http.ts';

/** The caller's signal and a time limit as one signal. `end` must be called. */
export function createDeadline(clock: Clock, ms: number, asked: Asked, outer?: AbortSignal) {
  const controller = new AbortController();
  const onAbort = () => controller.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.after(ms, () => {
    const message = `${asked.method} ${asked.server}${asked.path}: no answer within ${ms} ms`;
    controller.abort(new StillpointError({ code: 'timeout', message }));
  });
  return {
    signal: controller.signal,
    end() {
      cancel();
      outer?.removeEventListener('abort', onAbort);
    },
  };
}

/** The promise's outcome, or the abort of `signal` if that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
