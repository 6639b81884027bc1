import type { Clock } from './clock.ts';

/** A rate with a burst: `burst` at once, then one more each `refillMs`. */
export interface TokenBucketOptions {
  burst: number;
  refillMs: number;
  clock: Clock;
}

/** Says for each piece of work whether it is within the rate. */
export interface TokenBucket {
  /** True, and one token less, when there is one. */
  take(): boolean;
}

export function createTokenBucket({ burst, refillMs, clock }: TokenBucketOptions): TokenBucket {
  let tokens = burst;
  let countedMs = clock.monotonicMs();
  return {
    take() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + (nowMs - countedMs) / refillMs);
      countedMs = nowMs;
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
