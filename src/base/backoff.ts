import type { Random } from './random.ts';

/** How reconnects are spaced: doubling from `minMs` to `maxMs`, each wait shortened by chance. */
export interface BackoffOptions {
  minMs: number;
  maxMs: number;
  random: Random;
}

/** Counts failed tries in a row and says how long to wait before the next. */
export interface Backoff {
  /** The wait before the next try, in ms: between half and all of the doubled step. */
  nextMs(): number;
  /** Call after a success that lasted. */
  reset(): void;
}

export function createBackoff({ minMs, maxMs, random }: BackoffOptions): Backoff {
  let tries = 0;
  return {
    nextMs() {
      const step = Math.min(maxMs, minMs * 2 ** Math.min(tries, 30));
      tries++;
      return step * (0.5 + random.next() / 2);
    },
    reset() {
      tries = 0;
    },
  };
}
