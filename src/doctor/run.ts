import type { Clock } from '../base/index.ts';
import { type Check, failed, troubleOf } from './check.ts';
import { fail, type Line } from './line.ts';
import type { Outside } from './outside.ts';

/**
 * Runs all checks side by side, each within its own time limit: one that hangs fails alone, and so
 * does one that throws. Lines come in the order of the checks. Never rejects.
 */
export async function runChecks(
  checks: readonly Check[],
  outside: Outside,
  clock: Clock,
): Promise<Line[]> {
  const lines = await Promise.all(checks.map((check) => runOne(check, outside, clock)));
  return lines.flat();
}

async function runOne(check: Check, outside: Outside, clock: Clock): Promise<readonly Line[]> {
  const asking = new AbortController();
  const waiting = new AbortController();
  const run = async (): Promise<readonly Line[]> => {
    try {
      return await check.run(outside, asking.signal);
    } catch (error) {
      return [{ check: check.name, ...failed(troubleOf(error)) }];
    }
  };
  const late = async (): Promise<readonly Line[]> => {
    await clock.sleep(check.timeLimitMs, waiting.signal);
    const seconds = check.timeLimitMs / 1_000;
    const what = `no answer within ${seconds} s`;
    return [{ check: check.name, ...fail('no-answer', what, hangingHint) }];
  };
  const running = run();
  const limit = late();
  // Whichever loses the race ends by our own abort, which is no news.
  limit.catch(() => undefined);
  try {
    return await Promise.race([running, limit]);
  } finally {
    waiting.abort();
    asking.abort();
  }
}

const hangingHint =
  'Something hangs: the network, a disk, or the program that was asked; see its log, then run ' +
  'doctor again.';
