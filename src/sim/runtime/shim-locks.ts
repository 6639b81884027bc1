/**
 * A shim does one thing after the other for its container: a Resume stands behind a dump, a dump
 * behind a Pause. `cri`: a whole CheckpointContainer, a simplification, as in reality the lock is
 * free between its steps.
 */
export type ShimWork = 'cri' | 'pause' | 'dump';

/** Lets the next one in; calls after the first do nothing. */
export type Release = () => void;

interface Place {
  work: ShimWork;
  over: Promise<void>;
}

export class ShimLocks {
  readonly #queues = new Map<string, Place[]>();

  /** What is being done for the container now. */
  work(containerId: string): ShimWork | undefined {
    return this.#queues.get(containerId)?.[0]?.work;
  }

  /** Resolves when nothing is being done for it. */
  async idle(containerId: string): Promise<void> {
    for (;;) {
      const last = this.#queues.get(containerId)?.at(-1);
      if (!last) return;
      await last.over;
    }
  }

  /** The lock, when it is free. */
  takeNow(containerId: string, work: ShimWork): Release | undefined {
    return this.#queues.has(containerId) ? undefined : this.#enter(containerId, work).release;
  }

  /** The lock, once all that came before are done. */
  async take(containerId: string, work: ShimWork): Promise<Release> {
    const before = this.#queues.get(containerId)?.at(-1)?.over;
    const { release } = this.#enter(containerId, work);
    await before;
    return release;
  }

  #enter(containerId: string, work: ShimWork): { release: Release } {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const place: Place = { work, over };
    const queue = this.#queues.get(containerId) ?? [];
    this.#queues.set(containerId, [...queue, place]);
    const release = () => {
      const left = (this.#queues.get(containerId) ?? []).filter((one) => one !== place);
      if (left.length === 0) this.#queues.delete(containerId);
      else this.#queues.set(containerId, left);
      resolve();
    };
    return { release };
  }
}
