interface Node<V> {
  key: string;
  value: V;
  older: Node<V> | undefined;
  newer: Node<V> | undefined;
}

/**
 * Values by key in the order in which they were set last, the oldest first. All it does takes the
 * same time however many were deleted before: a Map keeps its deleted entries until it grows, and
 * whoever asks it for its first key walks over them. At 10,000 scopes that made every firing cost
 * 6 us more.
 */
export class AgedMap<V> {
  readonly #nodes = new Map<string, Node<V>>();
  #oldest: Node<V> | undefined;
  #newest: Node<V> | undefined;

  constructor(entries: Iterable<readonly [string, V]> = []) {
    for (const [key, value] of entries) this.setNewest(key, value);
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(key: string): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** A key that is known already becomes the newest. */
  setNewest(key: string, value: V): void {
    const known = this.#nodes.get(key);
    if (known) this.#unlink(known);
    const node = known ?? { key, value, older: undefined, newer: undefined };
    node.value = value;
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
    if (!known) this.#nodes.set(key, node);
  }

  delete(key: string): void {
    const node = this.#nodes.get(key);
    if (!node) return;
    this.#unlink(node);
    this.#nodes.delete(key);
  }

  oldest(): [key: string, value: V] | undefined {
    return this.#oldest && [this.#oldest.key, this.#oldest.value];
  }

  /** Changes every value; the order stays. */
  replaceAll(replace: (value: V) => V): void {
    for (let node = this.#oldest; node; node = node.newer) node.value = replace(node.value);
  }

  *[Symbol.iterator](): Generator<[key: string, value: V]> {
    for (let node = this.#oldest; node; node = node.newer) yield [node.key, node.value];
  }

  #unlink({ older, newer }: Node<V>): void {
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
  }
}
