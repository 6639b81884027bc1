import type { Clock } from './clock.ts';

/** A rate with a burst: `burst` at once, then one more each `refillMs`. */
export interface TokenBucketOptions {
  burst: number;
  refillMs: number;
  clock: Clock;
}

/** Says for each piece of work whether it is within the rate. */
export interface TokenBucket {
  /**
   * True, and that many tokens less (default 1), when they are there. Work that costs more than a
   * whole burst passes on a full bucket: it is bounded elsewhere, and never passing is no rate.
   */
  take(tokens?: number): boolean;
}

export function createTokenBucket({ burst, refillMs, clock }: TokenBucketOptions): TokenBucket {
  let tokens = burst;
  let countedMs = clock.monotonicMs();
  return {
    take(asked = 1) {
      const wanted = Math.min(asked, burst);
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + (nowMs - countedMs) / refillMs);
      countedMs = nowMs;
      if (tokens < wanted) return false;
      tokens -= wanted;
      return true;
    },
  };
}
