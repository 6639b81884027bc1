import { createHash } from 'node:crypto';
import type { Clock } from '../../base/index.ts';
import type { CheckpointFaults } from '../faults.ts';
import type { NodeModel } from '../model/index.ts';
import { tarOf } from '../tar-writer.ts';
import { type Incarnation, incarnationsOf } from './cri-messages.ts';
import { serviceError } from './grpc-answers.ts';

/** containerd.types.Mount. */
export interface StoredMount {
  type: string;
  source: string;
  target: string;
  options: string[];
}

export interface LayerStoreParts {
  clock: Clock;
  model: NodeModel;
  faults: CheckpointFaults;
  containerdRoot: string;
  snapshotter: string;
  /** What a container changed in its root file system, by path. */
  changesOf(one: Incarnation): Readonly<Record<string, string>>;
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** A lease, and what goes with it. */
interface Lease {
  createdMs: number;
  expiresMs: number;
  views: Set<string>;
  digests: Set<string>;
}

/**
 * As much of containerd's snapshots, content and leases as it takes to have the changes of a
 * container as a layer: views of a parent and blobs, each under a lease that removes it in the end.
 */
export class LayerStore {
  readonly #parts: LayerStoreParts;
  readonly #leases = new Map<string, Lease>();
  readonly #views = new Map<string, StoredMount[]>();
  readonly #blobs = new Map<string, Buffer>();

  constructor(parts: LayerStoreParts) {
    this.#parts = parts;
  }

  /** What nobody has removed: leases, views and blobs. */
  left(): { leases: number; views: number; blobs: number } {
    this.#expire();
    return { leases: this.#leases.size, views: this.#views.size, blobs: this.#blobs.size };
  }

  /** What will never be removed: held by no lease, or by one that does not expire. */
  leftForEver(): string[] {
    this.#expire();
    const expiring = [...this.#leases.values()].filter(({ expiresMs }) => expiresMs < Infinity);
    const isHeld = (what: 'views' | 'digests') => (name: string) =>
      expiring.some((lease) => lease[what].has(name));
    const views = [...this.#views.keys()].filter((key) => !isHeld('views')(key));
    const blobs = [...this.#blobs.keys()].filter((digest) => !isHeld('digests')(digest));
    const leases = this.#leases.size - expiring.length;
    return [...views, ...blobs, ...(leases > 0 ? [`${leases} leases`] : [])];
  }

  createLease(id: string, labels: Readonly<Record<string, string>>): void {
    this.#expire();
    if (this.#leases.has(id)) throw serviceError('AlreadyExists', `lease "${id}": already exists`);
    const expires = labels['containerd.io/gc.expire'];
    const expiresMs = expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
    const createdMs = this.#parts.clock.wallMs();
    this.#leases.set(id, { createdMs, expiresMs, views: new Set(), digests: new Set() });
  }

  listLeases(): { id: string; created_at: { seconds: number } }[] {
    this.#expire();
    return [...this.#leases].map(([id, { createdMs }]) => ({
      id,
      created_at: { seconds: Math.floor(createdMs / 1_000) },
    }));
  }

  deleteLease(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) throw serviceError('NotFound', `lease "${id}": not found`);
    this.#leases.delete(id);
    for (const key of lease.views) this.#views.delete(key);
    for (const digest of lease.digests) this.#blobs.delete(digest);
  }

  parentOf(snapshotter: string, key: string): string {
    this.#mustKnow(snapshotter, key);
    return `sha256:${createHash('sha256').update(`layers of ${key}`).digest('hex')}`;
  }

  mountsOf(snapshotter: string, key: string): StoredMount[] {
    const view = this.#views.get(key);
    if (view) return view;
    this.#mustKnow(snapshotter, key);
    return [this.#overlay([`workdir=${this.#at(key)}/work`, `upperdir=${this.#at(key)}/fs`])];
  }

  view(key: string, parent: string, leaseId: string): StoredMount[] {
    if (this.#views.has(key)) {
      throw serviceError('AlreadyExists', `snapshot "${key}": already exists`);
    }
    const mounts = [this.#overlay([`lowerdir=${this.#at(parent)}/fs`])];
    this.#views.set(key, mounts);
    this.#leaseOf(leaseId)?.views.add(key);
    return mounts;
  }

  removeView(key: string): void {
    if (!this.#views.delete(key)) {
      throw serviceError('NotFound', `snapshot ${key} does not exist: not found`);
    }
    for (const { views } of this.#leases.values()) views.delete(key);
  }

  /** The layer between a parent and a container, kept as long as its lease. */
  diff(right: readonly StoredMount[], mediaType: string, leaseId: string) {
    if (mediaType !== LAYER) {
      throw serviceError('Unimplemented', `unsupported diff media type: ${mediaType}`);
    }
    const one = this.#incarnations().find(({ containerId }) =>
      right.some(({ options }) => options.includes(`upperdir=${this.#at(containerId)}/fs`)),
    );
    if (!one) throw serviceError('Unknown', 'failed to mount: no such file or directory');
    const { namespace, name: pod } = one.pod;
    const target = { namespace, pod, container: one.container.spec.name };
    const fault = this.#parts.faults.take(target, 'diff');
    if (fault?.kind === 'diffFails') throw serviceError('Unknown', fault.text);
    const bytes = tarOf(this.#parts.changesOf(one), this.#parts.clock.wallMs());
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.#blobs.set(digest, bytes);
    // Without a lease the next garbage collection would take it; here it stays, and is seen.
    this.#leaseOf(leaseId)?.digests.add(digest);
    return { media_type: mediaType, digest, size: bytes.length };
  }

  read(digest: string): Buffer {
    this.#expire();
    const bytes = this.#blobs.get(digest);
    if (bytes) return bytes;
    throw serviceError('NotFound', `content ${digest}: not found`);
  }

  /** A snapshot lives as long as the runtime knows its container, also when that has ended. */
  #mustKnow(snapshotter: string, key: string): void {
    const isKnown = this.#incarnations().some(({ containerId }) => containerId === key);
    if (isKnown && snapshotter === this.#parts.snapshotter) return;
    throw serviceError('NotFound', `snapshot ${key} does not exist: not found`);
  }

  #incarnations(): Incarnation[] {
    return this.#parts.model
      .pods()
      .flatMap((pod) => pod.containers.flatMap((container) => incarnationsOf(pod, container)));
  }

  #overlay(options: string[]): StoredMount {
    return { type: 'overlay', source: 'overlay', target: '', options: ['index=off', ...options] };
  }

  #at(key: string): string {
    const { containerdRoot, snapshotter } = this.#parts;
    return `${containerdRoot}/io.containerd.snapshotter.v1.${snapshotter}/snapshots/${key}`;
  }

  #leaseOf(id: string): Lease | undefined {
    this.#expire();
    if (id === '') return undefined;
    const lease = this.#leases.get(id);
    if (lease) return lease;
    throw serviceError('NotFound', `lease "${id}": not found`);
  }

  #expire(): void {
    const nowMs = this.#parts.clock.wallMs();
    for (const [id, { expiresMs }] of this.#leases) {
      if (expiresMs <= nowMs) this.deleteLease(id);
    }
  }
}
