import type { Clock } from '../base/index.ts';

/**
 * What came of the work, or undefined when it takes longer. The work itself goes on: for what cannot
 * be called off, or must not be.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
): Promise<T | undefined> {
  const ended = new AbortController();
  const timeUp = clock.sleep(ms, ended.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    ended.abort();
  }
}
