import { type Clock, createTokenBucket } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { AlertSignal } from '../../signal/index.ts';
import { objectAt, objectsAt, textAt } from '../api-object.ts';
import { isLabelName, isObjectName } from '../pods/api-names.ts';

export interface AlertNodeLookupOptions {
  api: ApiClient;
  clock: Clock;
  /** Each alert once, with the node of its pod where that was found out. */
  emit(signal: AlertSignal): void;
  /** Why the API server could not be asked; the alert goes on as it came. */
  onFailure(pod: string, error: unknown): void;
}

/**
 * Completes alerts that name a pod of nobody knows which node. An alert is held back until the
 * answer, at most `TIMEOUT_MS`; beyond the bounds, and when nobody answers, it goes on as it came.
 */
export interface AlertNodeLookup {
  ask(signal: AlertSignal, pod: { namespace: string; pod: string }): void;
  /** What is held back goes on no more. */
  stop(): void;
}

const TIMEOUT_MS = 2_000;
/** A name may be another pod's soon: of a StatefulSet, on another node. */
const KNOWN_MS = 30_000;
const KNOWN_MAX = 1_024;
/** Of the questions under way; alerts about one pod wait for one answer. */
const OPEN_MAX = 16;
const HELD_MAX = 256;
/** Every node asks about one and the same alert: each of them a little only. */
const RATE = { burst: 20, refillMs: 500 };

/** `node` is absent for a pod that nobody has. */
interface Known {
  node?: string;
  untilMs: number;
}

export function createAlertNodeLookup(options: AlertNodeLookupOptions): AlertNodeLookup {
  return new AlertNodeLookupImpl(options);
}

class AlertNodeLookupImpl implements AlertNodeLookup {
  readonly #options: AlertNodeLookupOptions;
  readonly #bucket: ReturnType<typeof createTokenBucket>;
  readonly #known = new Map<string, Known>();
  /** By pod: the alerts that wait for its node. */
  readonly #open = new Map<string, AlertSignal[]>();
  readonly #abort = new AbortController();
  #held = 0;

  constructor(options: AlertNodeLookupOptions) {
    this.#options = options;
    this.#bucket = createTokenBucket({ ...RATE, clock: options.clock });
  }

  ask(signal: AlertSignal, { namespace, pod }: { namespace: string; pod: string }): void {
    const key = `${namespace}/${pod}`;
    const known = this.#knownOf(key);
    const waiting = this.#open.get(key);
    if (known) this.#emit(signal, known.node);
    else if (waiting && this.#held < HELD_MAX) this.#hold(waiting, signal);
    else if (waiting || !this.#mayAsk(namespace, pod)) this.#emit(signal, undefined);
    else this.#begin(key, signal, pathOf(namespace, pod));
  }

  stop(): void {
    this.#abort.abort();
    this.#open.clear();
  }

  #knownOf(key: string): Known | undefined {
    const known = this.#known.get(key);
    return known && known.untilMs > this.#options.clock.monotonicMs() ? known : undefined;
  }

  #mayAsk(namespace: string, pod: string): boolean {
    if (!isLabelName(namespace) || !isObjectName(pod)) return false;
    return this.#open.size < OPEN_MAX && this.#held < HELD_MAX && this.#bucket.take();
  }

  #begin(key: string, signal: AlertSignal, path: string): void {
    const waiting: AlertSignal[] = [];
    this.#open.set(key, waiting);
    this.#hold(waiting, signal);
    let node: string | undefined;
    this.#nodeAt(path)
      .then((found) => {
        node = found;
        this.#learn(key, found);
      })
      .catch((error: unknown) => {
        if (!this.#abort.signal.aborted) this.#options.onFailure(key, error);
      })
      .finally(() => this.#release(key, waiting, node));
  }

  #hold(waiting: AlertSignal[], signal: AlertSignal): void {
    waiting.push(signal);
    this.#held++;
  }

  /** From the watch cache of the API server, as a read of one key: it costs what a GET costs. */
  async #nodeAt(path: string): Promise<string | undefined> {
    const request = { method: 'GET', path, timeoutMs: TIMEOUT_MS } as const;
    const list = await this.#options.api.json<unknown>(request, this.#abort.signal);
    const [pod] = objectsAt(list, 'items');
    return textAt(objectAt(pod, 'spec'), 'nodeName');
  }

  #learn(key: string, node: string | undefined): void {
    const untilMs = this.#options.clock.monotonicMs() + KNOWN_MS;
    this.#known.delete(key);
    this.#known.set(key, { ...(node === undefined ? {} : { node }), untilMs });
    const oldest = this.#known.keys().next();
    if (this.#known.size > KNOWN_MAX && !oldest.done) this.#known.delete(oldest.value);
  }

  #release(key: string, waiting: readonly AlertSignal[], node: string | undefined): void {
    this.#held -= waiting.length;
    this.#open.delete(key);
    if (this.#abort.signal.aborted) return;
    for (const signal of waiting) this.#emit(signal, node);
  }

  #emit(signal: AlertSignal, node: string | undefined): void {
    this.#options.emit(
      node === undefined ? signal : { ...signal, hints: { ...signal.hints, node } },
    );
  }
}

function pathOf(namespace: string, pod: string): string {
  const field = encodeURIComponent(`metadata.name=${pod}`);
  return `/api/v1/namespaces/${namespace}/pods?fieldSelector=${field}&resourceVersion=0`;
}
