/**
 * A share of the limit that somebody waits for, or several close together, the highest being
 * `upTo`; crossed anew after a fall under `clearRatio`.
 */
export interface Crossing {
  ratio: number;
  upTo?: number;
  clearRatio?: number;
}

/** Use that falls by less than this below a share stays above it: it only wavers. */
const REST_RATIO = 0.02;
/** After this long above a share nobody waits for it any more. */
const REST_MS = 1_000;

/**
 * Which shares a container is above, and since when. One that it rests at, wavering or not, needs
 * no close look; the next one does.
 */
export class Crossings {
  #all: readonly Crossing[];
  /** By the highest share of each. */
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
    const kept = new Set(all.map(topOf));
    for (const top of [...this.#sinceMs.keys()]) if (!kept.has(top)) this.#sinceMs.delete(top);
    // Until the next reading the least one: it may have become another.
    this.#next = all[0]?.ratio ?? Number.POSITIVE_INFINITY;
  }

  /** The least share that was not crossed yet, or only a moment ago; Infinity = none is left. */
  get next(): number {
    return this.#next;
  }

  take(usedRatio: number, nowMs: number): void {
    this.#next = Number.POSITIVE_INFINITY;
    for (const crossing of this.#all) {
      const { ratio, clearRatio = 0 } = crossing;
      const top = topOf(crossing);
      if (usedRatio >= top) {
        if (!this.#sinceMs.has(top)) this.#sinceMs.set(top, nowMs);
      } else if (usedRatio < Math.max(clearRatio, ratio - REST_RATIO)) {
        this.#sinceMs.delete(top);
      }
      const sinceMs = this.#sinceMs.get(top);
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

function topOf({ ratio, upTo = ratio }: Crossing): number {
  return upTo;
}
