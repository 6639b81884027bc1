import type { Cancel } from '../base/index.ts';

/** One container in one life, as happenings name it. */
export interface HappeningTarget {
  namespace: string;
  pod: string;
  container: string;
  containerId: string;
}

/** Who was asked for a checkpoint: the kubelet, CRI, or containerd's own task service. */
export type CheckpointVia = 'kubelet' | 'cri' | 'containerd';

/** All that a sim tells about itself, so that tests and stories wait for facts, not for time. */
export interface HappeningDetails {
  'container-started': HappeningTarget & { attempt: number };
  'container-stopped': HappeningTarget & { reason: string; exitCode: number };
  'back-off': HappeningTarget & { delayMs: number };
  'probe-failed': HappeningTarget & { failures: number };
  killing: HappeningTarget & { why: string };
  frozen: HappeningTarget & { by: 'runtime' | 'cgroup' };
  /** `stoodMs`: how long it stood still, the frozen time and CRIU's own together. */
  thawed: HappeningTarget & { stoodMs: number };
  'checkpoint-received': HappeningTarget & { via: CheckpointVia; monotonicMs: number };
  'checkpoint-ended': HappeningTarget & {
    via: CheckpointVia;
    /** The archive; via containerd the directory of CRIU's images. */
    location: string;
    /** gRPC code name; `OK` when an archive, or the images, were written. */
    code: string;
    message: string;
  };
  'pod-added': { namespace: string; pod: string };
  'pod-removed': { namespace: string; pod: string };
  'event-recorded': { namespace: string; object: string; reason: string; message: string };
  'watch-opened': { resource: string; resourceVersion: string };
  'watch-closed': { resource: string };
  'watch-line': { resource: string; type: string; name: string; monotonicMs: number };
  /** Somebody reads the runtime's event stream. */
  'events-subscribed': { subscribers: number };
  'api-request': { method: string; path: string; status: number };
}

export type HappeningName = keyof HappeningDetails;

export interface Happening<N extends HappeningName = HappeningName> {
  name: N;
  detail: HappeningDetails[N];
}

type Match<N extends HappeningName> = (detail: HappeningDetails[N]) => boolean;

/** How many happenings of one name are kept for first() and all(). */
const KEPT_MAX = 10_000;

/** The record of what happened in a sim. */
export class Happenings {
  readonly #past = new Map<HappeningName, unknown[]>();
  readonly #listeners = new Map<HappeningName, Set<(detail: never) => void>>();

  tell<N extends HappeningName>(name: N, detail: HappeningDetails[N]): void {
    const past = this.#past.get(name) ?? [];
    if (past.length === 0) this.#past.set(name, past);
    if (past.length >= KEPT_MAX) past.shift();
    past.push(detail);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      (listener as (detail: HappeningDetails[N]) => void)(detail);
    }
  }

  /** Calls `listener` for each one from now on, at once and in the same turn. */
  on<N extends HappeningName>(name: N, listener: (detail: HappeningDetails[N]) => void): Cancel {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** The next one that fits; those of the past do not count. */
  next<N extends HappeningName>(
    name: N,
    match: Match<N> = () => true,
  ): Promise<HappeningDetails[N]> {
    return new Promise((resolve) => {
      const stop = this.on(name, (detail) => {
        if (!match(detail)) return;
        stop();
        resolve(detail);
      });
    });
  }

  /** The first one that fits, of the past or to come. */
  async first<N extends HappeningName>(
    name: N,
    match: Match<N> = () => true,
  ): Promise<HappeningDetails[N]> {
    return this.all(name).find(match) ?? (await this.next(name, match));
  }

  /** Those of the past, oldest first. */
  all<N extends HappeningName>(name: N): readonly HappeningDetails[N][] {
    return [...(this.#past.get(name) ?? [])] as HappeningDetails[N][];
  }
}
