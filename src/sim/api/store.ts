import type { Cancel } from '../../base/index.ts';

/** An object as the API server keeps it: plain JSON, never changed in place once it is stored. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export type Resource = 'pods' | 'events' | 'nodes' | 'replicasets' | 'jobs';

/** One write, as a watch reports it. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
  /** The object before; selectors decide with it whether a watch sees an addition or a removal. */
  before?: KubeObject;
  version: number;
}

interface Shelf {
  objects: Map<string, KubeObject>;
  changes: Change[];
  listeners: Set<(change: Change) => void>;
}

/** Changes of one resource that are kept for watches that resume. */
const CHANGES_KEPT_MAX = 20_000;

/** What etcd and the watch cache are to an API server: objects, one version counter, history. */
export class ObjectStore {
  readonly #shelves = new Map<Resource, Shelf>();
  #version = 1_000;
  /** Versions up to here are forgotten. */
  #compacted = 0;

  /** The version of the newest write. */
  get version(): number {
    return this.#version;
  }

  /** Watches and pages from a version below this are refused as too old (410). */
  get compacted(): number {
    return this.#compacted;
  }

  /** Adds or replaces; returns the object with its new resourceVersion. */
  put(resource: Resource, given: KubeObject): KubeObject {
    const shelf = this.#shelf(resource);
    const key = keyOf(given.metadata.namespace, given.metadata.name);
    const before = shelf.objects.get(key);
    const version = ++this.#version;
    const object: KubeObject = {
      ...given,
      metadata: {
        ...given.metadata,
        uid: given.metadata.uid ?? before?.metadata.uid ?? uidFrom(version),
        resourceVersion: String(version),
      },
    };
    shelf.objects.set(key, object);
    this.#publish(shelf, { type: before ? 'MODIFIED' : 'ADDED', object, before, version });
    return object;
  }

  remove(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined {
    const shelf = this.#shelf(resource);
    const key = keyOf(namespace, name);
    const before = shelf.objects.get(key);
    if (!before) return undefined;
    const version = ++this.#version;
    const metadata = { ...before.metadata, resourceVersion: String(version) };
    const object = { ...before, metadata };
    shelf.objects.delete(key);
    this.#publish(shelf, { type: 'DELETED', object, before, version });
    return object;
  }

  get(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#shelf(resource).objects.get(keyOf(namespace, name));
  }

  /** All objects, by namespace and name. */
  list(resource: Resource): KubeObject[] {
    return [...this.#shelf(resource).objects].sort(byKey).map(([, object]) => object);
  }

  /** Writes after `version`, oldest first; undefined when that is too long ago to know. */
  changesSince(resource: Resource, version: number): Change[] | undefined {
    if (version < this.#compacted) return undefined;
    return this.#shelf(resource).changes.filter((change) => change.version > version);
  }

  /** Calls `listener` in the turn of each write. */
  listen(resource: Resource, listener: (change: Change) => void): Cancel {
    const { listeners } = this.#shelf(resource);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Forgets all history, as etcd's compaction does. */
  compact(): void {
    this.#compacted = this.#version;
    for (const shelf of this.#shelves.values()) shelf.changes.length = 0;
  }

  #publish(shelf: Shelf, change: Change): void {
    shelf.changes.push(change);
    if (shelf.changes.length > CHANGES_KEPT_MAX) {
      const dropped = shelf.changes.splice(0, CHANGES_KEPT_MAX / 2).at(-1);
      this.#compacted = Math.max(this.#compacted, dropped?.version ?? 0);
    }
    for (const listener of [...shelf.listeners]) listener(change);
  }

  #shelf(resource: Resource): Shelf {
    const there = this.#shelves.get(resource);
    if (there) return there;
    const made: Shelf = { objects: new Map(), changes: [], listeners: new Set() };
    this.#shelves.set(resource, made);
    return made;
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function byKey([a]: [string, KubeObject], [b]: [string, KubeObject]): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A uid of the right shape that is unique in one store. */
function uidFrom(version: number): string {
  return `00000000-0000-4000-8000-${version.toString(16).padStart(12, '0')}`;
}
