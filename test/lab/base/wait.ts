import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Thrown by a probe to say that waiting on is of no use. */
export class GiveUp extends Error {}

/**
 * Asks `probe` again and again until it gives something other than undefined or false. Throws with
 * `what` and the last error when `timeoutMs` has passed.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    const startedMs = performance.now();
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      lastError = error;
    }
    const tookMs = performance.now() - startedMs;
    if (performance.now() > deadline) {
      const because =
        lastError instanceof Error ? `; the last error was: ${lastError.message}` : '';
      throw new Error(`gave up waiting for ${what} after ${timeoutMs / 1000} s${because}`);
    }
    // On a slow machine asking takes long itself, and must not keep it from getting ready.
    await sleep(Math.max(options.everyMs ?? 50, 2 * tookMs));
  }
}
