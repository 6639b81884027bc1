/** What is kept of each object: its version, and what the caller wants to remember of it. */
interface Known<R> {
  resourceVersion: string;
  remembered: R;
  /** Which list it was last in; see endList. */
  listed: number;
}

/** What an object's arrival means, compared with what was known. */
export type Noted<R> = { kind: 'new' } | { kind: 'same' } | { kind: 'changed'; before: R };

/**
 * The objects that a list/watch has delivered, so that each change is delivered once however often
 * the server repeats it. Bounded: over `max` the object that was longest without a change is
 * forgotten, and counts as new when it comes again.
 */
export class KnownObjects<R> {
  readonly #known = new Map<string, Known<R>>();
  readonly #max: number;
  #list = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Takes note of an object and says whether that is news. */
  note(uid: string, resourceVersion: string, remembered: R): Noted<R> {
    const known = this.#known.get(uid);
    if (known?.resourceVersion === resourceVersion) {
      known.listed = this.#list;
      return { kind: 'same' };
    }
    // Deleted and set again, so that the map stays in the order of the last change.
    if (known) this.#known.delete(uid);
    this.#known.set(uid, { resourceVersion, remembered, listed: this.#list });
    if (this.#known.size > this.#max) this.#forgetOldest();
    return known ? { kind: 'changed', before: known.remembered } : { kind: 'new' };
  }

  /** Forgets a deleted object; undefined when it was not known. */
  forget(uid: string): { remembered: R } | undefined {
    const known = this.#known.get(uid);
    this.#known.delete(uid);
    return known && { remembered: known.remembered };
  }

  /** A list begins: what it does not hold has been deleted meanwhile. */
  beginList(): void {
    this.#list++;
  }

  /** The list is complete: forgets and returns what was known but is not in it. */
  endList(): { uid: string; remembered: R }[] {
    const gone: { uid: string; remembered: R }[] = [];
    for (const [uid, { listed, remembered }] of this.#known) {
      if (listed === this.#list) continue;
      this.#known.delete(uid);
      gone.push({ uid, remembered });
    }
    return gone;
  }

  #forgetOldest(): void {
    for (const uid of this.#known.keys()) {
      this.#known.delete(uid);
      return;
    }
  }
}
