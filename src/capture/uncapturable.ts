import type { Clock } from '../base/index.ts';
import { type FailureClass, failureClasses } from './failure.ts';

/** Remembers containers that cannot be captured, so that they are not tried again and again. */
export interface Uncapturable {
  /** The class that stands in the way of this life of the container; undefined = try. */
  reasonAgainst(containerId: string): FailureClass | undefined;
  note(containerId: string, failure: FailureClass): void;
  /** A success proves the memory wrong. */
  forget(containerId: string): void;
}

/** One failure may be bad luck (a file that was open just then); the second is not. */
const FAILURES_MAX = 2;

/** A node runs a few hundred containers; old lives are dropped first. */
const REMEMBERED_MAX = 1_000;

/**
 * The cause may be cured outside the container: CRIU installed, a line added to runc.conf. So each
 * quarter of an hour one more try is allowed; a failed checkpoint costs the container little.
 */
const REMEMBERED_MS = 900_000;

/** Keyed by container id: a new life has a new id and is tried again. */
export function createUncapturable(clock: Pick<Clock, 'monotonicMs'>): Uncapturable {
  const seen = new Map<string, { failures: number; failure: FailureClass; atMs: number }>();
  return {
    reasonAgainst(containerId) {
      const known = seen.get(containerId);
      if (!known || known.failures < FAILURES_MAX) return undefined;
      return clock.monotonicMs() - known.atMs < REMEMBERED_MS ? known.failure : undefined;
    },
    note(containerId, failure) {
      if (failureClasses[failure].retryable) return;
      const failures = (seen.get(containerId)?.failures ?? 0) + 1;
      seen.delete(containerId);
      seen.set(containerId, { failures, failure, atMs: clock.monotonicMs() });
      const oldest = seen.keys().next().value;
      if (seen.size > REMEMBERED_MAX && oldest !== undefined) seen.delete(oldest);
    },
    forget(containerId) {
      seen.delete(containerId);
    },
  };
}
