import {
  type Backoff,
  type Cancel,
  type Clock,
  createBackoff,
  isStillpointError,
  type Random,
} from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { Owner, PodFact } from '../../signal/index.ts';
import { objectAt, textAt } from '../api-object.ts';
import { type Controller, controllerOf, topOwnerOf } from './controller.ts';

export interface OwnerLookupOptions {
  api: ApiClient;
  clock: Clock;
  random: Random;
  /** The newest look of a pod that waited for its top owner, completed. */
  onFound(pod: PodFact): void;
  /** The owner cannot be read now; it is asked for again. */
  onFailure(path: string, error: unknown): void;
}

/**
 * Completes pods with their top owner. What the pod does not prove is asked of the API, once for
 * each owner, while the pod itself goes on without it: no signal waits for an answer.
 */
export interface OwnerLookup {
  /** The pod with its top owner, where that is known. */
  complete(pod: PodFact, controller: Controller | undefined): PodFact;
  forget(podUid: string): void;
  stop(): void;
}

export function createOwnerLookup(options: OwnerLookupOptions): OwnerLookup {
  return new OwnerLookupImpl(options);
}

/** Owners that are remembered; more pods than any kubelet runs have fewer. */
const KNOWN_MAX = 4_096;
const REQUESTS_MAX = 4;
const TIMEOUT_MS = 10_000;
const RETRY_MS = { minMs: 1_000, maxMs: 300_000 };

interface Question {
  path: string;
  controller: Controller;
  /** The newest look of each pod that waits, by uid. */
  pods: Map<string, PodFact>;
  backoff: Backoff;
  cancelRetry: Cancel;
}

class OwnerLookupImpl implements OwnerLookup {
  readonly #options: OwnerLookupOptions;
  /** By uid of the direct owner; undefined where it was gone when we asked. */
  readonly #known = new Map<string, Owner | undefined>();
  readonly #open = new Map<string, Question>();
  readonly #queue: Question[] = [];
  readonly #abort = new AbortController();
  #running = 0;

  constructor(options: OwnerLookupOptions) {
    this.#options = options;
  }

  complete(pod: PodFact, controller: Controller | undefined): PodFact {
    const top = topOwnerOf(pod, controller);
    if (top.state === 'known') return { ...pod, topOwner: top.owner };
    if (top.state === 'unknown') return pod;
    const { uid } = top.controller;
    if (this.#known.has(uid)) {
      const topOwner = this.#known.get(uid);
      return topOwner ? { ...pod, topOwner } : pod;
    }
    this.#questionOf(top.path, top.controller).pods.set(pod.uid, pod);
    this.#askNext();
    return pod;
  }

  forget(podUid: string): void {
    for (const [uid, question] of this.#open) {
      if (!question.pods.delete(podUid) || question.pods.size > 0) continue;
      question.cancelRetry();
      this.#open.delete(uid);
    }
  }

  stop(): void {
    this.#abort.abort();
    for (const { cancelRetry } of this.#open.values()) cancelRetry();
    this.#open.clear();
  }

  #questionOf(path: string, controller: Controller): Question {
    const known = this.#open.get(controller.uid);
    if (known) return known;
    const backoff = createBackoff({ ...RETRY_MS, random: this.#options.random });
    const pods = new Map<string, PodFact>();
    const question = { path, controller, pods, backoff, cancelRetry: () => undefined };
    this.#open.set(controller.uid, question);
    this.#queue.push(question);
    return question;
  }

  #askNext(): void {
    while (this.#running < REQUESTS_MAX && !this.#abort.signal.aborted) {
      const question = this.#queue.shift();
      if (!question) return;
      if (!this.#isOpen(question)) continue;
      this.#running++;
      this.#ask(question)
        .then((owner) => this.#settle(question, owner))
        .catch((error: unknown) => this.#retry(question, error))
        .finally(() => {
          this.#running--;
          this.#askNext();
        });
    }
  }

  /** Undefined when the owner itself is gone: nobody can say any more what stood behind it. */
  async #ask({ path, controller }: Question): Promise<Owner | undefined> {
    const { api } = this.#options;
    try {
      const request = { method: 'GET', path, timeoutMs: TIMEOUT_MS } as const;
      const metadata = objectAt(await api.json<unknown>(request, this.#abort.signal), 'metadata');
      if (textAt(metadata, 'uid') !== controller.uid) return undefined;
      const { kind, name } = controllerOf(metadata) ?? controller;
      return { kind, name };
    } catch (error) {
      if (isStillpointError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  #settle(question: Question, owner: Owner | undefined): void {
    if (!this.#isOpen(question)) return;
    const { uid } = question.controller;
    this.#open.delete(uid);
    this.#known.set(uid, owner);
    const oldest = this.#known.keys().next();
    if (this.#known.size > KNOWN_MAX && !oldest.done) this.#known.delete(oldest.value);
    if (!owner) return;
    for (const pod of question.pods.values()) {
      this.#options.onFound({ ...pod, topOwner: owner });
    }
  }

  #retry(question: Question, error: unknown): void {
    if (!this.#isOpen(question)) return;
    this.#options.onFailure(question.path, error);
    question.cancelRetry = this.#options.clock.after(question.backoff.nextMs(), () => {
      this.#queue.push(question);
      this.#askNext();
    });
  }

  #isOpen(question: Question): boolean {
    return this.#open.get(question.controller.uid) === question;
  }
}
