/** A share of the limit that somebody waits for; it is crossed anew after a fall under `clearRatio`. */
export interface Crossing {
  ratio: number;
  clearRatio?: number;
}

/** Use that falls by less than this below a share stays above it: it only wavers. */
export const REST_RATIO = 0.02;
/** After this long above a share nobody waits for it any more. */
const REST_MS = 1_000;

/**
 * Which shares a container is above, and since when. One that it rests at, wavering or not, needs
 * no close look; the next one does.
 */
export class Crossings {
  #all: readonly Crossing[];
  readonly #sinceMs = new Map<number, number>();
  #next: number;

  /** Ascending; at least one. */
  constructor(all: readonly Crossing[]) {
    this.#all = all;
    this.#next = all[0]?.ratio ?? Number.POSITIVE_INFINITY;
  }

  /** Other shares to wait for; what is known of those that stay is kept. */
  replace(all: readonly Crossing[]): void {
    this.#all = all;
    for (const ratio of [...this.#sinceMs.keys()]) {
      if (!all.some((one) => one.ratio === ratio)) this.#sinceMs.delete(ratio);
    }
    // Until the next reading the least one: it may have become another.
    this.#next = all[0]?.ratio ?? Number.POSITIVE_INFINITY;
  }

  /** The least share that was not crossed yet, or only a moment ago; Infinity when there is none. */
  get next(): number {
    return this.#next;
  }

  take(usedRatio: number, nowMs: number): void {
    this.#next = Number.POSITIVE_INFINITY;
    for (const { ratio, clearRatio = 0 } of this.#all) {
      if (usedRatio >= ratio) {
        if (!this.#sinceMs.has(ratio)) this.#sinceMs.set(ratio, nowMs);
      } else if (usedRatio < Math.max(clearRatio, ratio - REST_RATIO)) {
        this.#sinceMs.delete(ratio);
      }
      const sinceMs = this.#sinceMs.get(ratio);
      const isResting = sinceMs !== undefined && nowMs - sinceMs >= REST_MS;
      if (!isResting) this.#next = Math.min(this.#next, ratio);
    }
  }

  /** It is below all of them. */
  clear(): void {
    this.#sinceMs.clear();
    this.#next = this.#all[0]?.ratio ?? Number.POSITIVE_INFINITY;
  }
}
