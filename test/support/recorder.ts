/** Keeps what happened in order, and lets a test wait for the next thing of a kind. */
export interface Recorder<T> {
  push(item: T): void;
  /** The oldest item not yet taken that fits (any, without `fits`); waits for one. */
  next(fits?: (item: T) => boolean): Promise<T>;
  /** Everything so far, taken or not. */
  all(): readonly T[];
}

export function createRecorder<T>(): Recorder<T> {
  const all: T[] = [];
  const open: T[] = [];
  const takers: { fits: (item: T) => boolean; take: (item: T) => void }[] = [];
  return {
    push(item) {
      all.push(item);
      const index = takers.findIndex(({ fits }) => fits(item));
      const [taker] = index < 0 ? [] : takers.splice(index, 1);
      if (taker) taker.take(item);
      else open.push(item);
    },
    next(fits = () => true) {
      const index = open.findIndex(fits);
      if (index < 0) return new Promise((take) => takers.push({ fits, take }));
      const [found] = open.splice(index, 1);
      return Promise.resolve(found as T);
    },
    all: () => all,
  };
}
