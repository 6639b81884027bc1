import {
  type Clock,
  createBackoff,
  createQuietLog,
  createTokenBucket,
  isStillpointError,
  type Logger,
  messageOf,
  type QuietLog,
  type Random,
  type TokenBucket,
} from '../base/index.ts';
import type { ApiClient } from '../kube/index.ts';
import type { Decision } from '../rules/index.ts';
import {
  type EventFacts,
  eventFactsOf,
  kubeEventOf,
  observedEventOf,
  timestamp,
} from './kube-event.ts';
import type { Output, TriggerOutcome } from './output.ts';

export interface KubeEventsOptions {
  api: Pick<ApiClient, 'json'>;
  node: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Events about one pod: this many at once, then one each 30 s. */
const POD_RATE = { burst: 10, refillMs: 30_000 };
const WAITING_MAX = 200;
/** Event objects and pods that are remembered, to count on and to hold back. */
const REMEMBERED_MAX = 512;
const RETRY_MS = { minMs: 500, maxMs: 30_000 };
/** An Event that could not be sent for so long is old news. */
const AGE_MS_MAX = 600_000;
const STOP_MS_MAX = 2_000;

/**
 * Kubernetes Events on the pods: CheckpointCreated, CheckpointFailed, CheckpointSkipped. Skipped
 * only for what had fired, or would have in mode enforce. Repeats count up one object, as kubelet's Events do. Sent one after the
 * other, beside the street; an API server that is away for some minutes loses none of them.
 */
export function createKubeEvents(options: KubeEventsOptions): Output {
  return new KubeEvents(options);
}

/** What is known of one Event object, sent or not. */
interface Entry {
  facts: EventFacts;
  /** The object that the API server has; absent before the first one. */
  name?: string;
  count: number;
  /** How many of `count` an object tells already. */
  told: number;
  firstMs: number;
  lastMs: number;
  waiting: boolean;
  /** Monotonic; when it began to wait. */
  waitingSinceMs: number;
}

class KubeEvents implements Output {
  readonly name = 'kube-events';
  private readonly options: KubeEventsOptions;
  private readonly quiet: QuietLog;
  private readonly entries = new Map<string, Entry>();
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly waiting: Entry[] = [];
  private readonly counts: Record<string, number> = {};
  private readonly stopping = new AbortController();
  private mayPatch = true;
  private closed = false;
  private sending: Promise<void> | undefined;

  constructor(options: KubeEventsOptions) {
    this.options = options;
    this.quiet = createQuietLog(options.log, options.clock);
  }

  /** Of decisions only those that would have been captures: for the others see ended. */
  decided(decision: Decision): void {
    this.tell(observedEventOf(decision));
  }

  ended(outcome: TriggerOutcome): void {
    this.tell(eventFactsOf(outcome));
  }

  private tell(facts: EventFacts | undefined): void {
    if (facts === undefined) return;
    if (this.closed) {
      this.drop('stopping', facts);
      return;
    }
    const entry = this.entryOf(facts);
    if (entry.waiting) return;
    if (!this.bucketOf(facts).take()) {
      this.drop('rate-limited', facts);
    } else if (this.waiting.length >= WAITING_MAX) {
      this.drop('queue-full', facts);
    } else {
      this.enqueue(entry);
    }
  }

  dropped(): Readonly<Record<string, number>> {
    return { ...this.counts };
  }

  async stop(): Promise<void> {
    this.closed = true;
    const cancel = this.options.clock.after(STOP_MS_MAX, () => this.stopping.abort());
    await this.sending;
    cancel();
    for (const { facts } of this.waiting.splice(0)) this.drop('stopping', facts);
  }

  private entryOf(facts: EventFacts): Entry {
    const nowMs = this.options.clock.wallMs();
    const known = this.entries.get(facts.key);
    const entry = known ?? {
      facts,
      count: 0,
      told: 0,
      firstMs: nowMs,
      lastMs: nowMs,
      waiting: false,
      waitingSinceMs: 0,
    };
    entry.facts = facts;
    entry.count++;
    entry.lastMs = nowMs;
    remember(this.entries, facts.key, entry);
    return entry;
  }

  private bucketOf({ target }: EventFacts): TokenBucket {
    const { clock } = this.options;
    const bucket = this.buckets.get(target.podUid) ?? createTokenBucket({ ...POD_RATE, clock });
    remember(this.buckets, target.podUid, bucket);
    return bucket;
  }

  private enqueue(entry: Entry): void {
    entry.waiting = true;
    entry.waitingSinceMs = this.options.clock.monotonicMs();
    this.waiting.push(entry);
    this.sending ??= this.sendAll();
  }

  /** Sends until nothing waits or the time to stop has come. Never rejects. */
  private async sendAll(): Promise<void> {
    const { signal } = this.stopping;
    const backoff = createBackoff({ ...RETRY_MS, random: this.options.random });
    for (let entry = this.waiting[0]; entry && !signal.aborted; entry = this.waiting[0]) {
      try {
        await this.send(entry);
        backoff.reset();
        this.leave(entry);
        // It has happened again meanwhile; beyond the rate the next repeat will tell.
        if (entry.count > entry.told && this.bucketOf(entry.facts).take()) this.enqueue(entry);
      } catch (error) {
        if (signal.aborted) break;
        if (this.mayTryAgain(entry, error)) {
          await this.options.clock.sleep(backoff.nextMs(), signal).catch(() => undefined);
        } else {
          this.leave(entry);
          this.drop(isStillpointError(error) ? error.code : 'internal', entry.facts, error);
        }
      }
    }
    this.sending = undefined;
  }

  private mayTryAgain(entry: Entry, error: unknown): boolean {
    const waitedMs = this.options.clock.monotonicMs() - entry.waitingSinceMs;
    return isStillpointError(error) && error.retryable && waitedMs <= AGE_MS_MAX;
  }

  private leave(entry: Entry): void {
    this.waiting.shift();
    entry.waiting = false;
  }

  private async send(entry: Entry): Promise<void> {
    const { count } = entry;
    if (entry.name !== undefined && this.mayPatch && (await this.countUp(entry, entry.name))) {
      entry.told = count;
      return;
    }
    const { target } = entry.facts;
    const name = this.freshName(target.pod);
    const { node } = this.options;
    const { firstMs, lastMs, told } = entry;
    const isFirst = told === 0;
    const about = { name, node, firstMs: isFirst ? firstMs : lastMs, lastMs, count: count - told };
    const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/events`;
    const body = kubeEventOf(entry.facts, about);
    await this.options.api.json({ method: 'POST', path, body }, this.stopping.signal);
    entry.name = name;
    entry.firstMs = about.firstMs;
    entry.told = count;
  }

  /** False when the object cannot be counted up: it has expired, or we lack the right to. */
  private async countUp(entry: Entry, name: string): Promise<boolean> {
    const { count, lastMs, facts } = entry;
    const namespace = encodeURIComponent(facts.target.namespace);
    try {
      await this.options.api.json(
        {
          method: 'PATCH',
          path: `/api/v1/namespaces/${namespace}/events/${encodeURIComponent(name)}`,
          contentType: 'application/merge-patch+json',
          body: { count, lastTimestamp: timestamp(lastMs), message: facts.message },
        },
        this.stopping.signal,
      );
      return true;
    } catch (error) {
      if (isStillpointError(error, 'not-found')) return false;
      if (!isStillpointError(error, 'forbidden')) throw error;
      this.mayPatch = false;
      this.options.log.warn('kube-events-cannot-patch', {
        hint: 'grant patch on events; until then each repeat is an Event of its own',
        error,
      });
      return false;
    }
  }

  /** `<pod>.<hex>`, as client-go names Events; within 253 characters. */
  private freshName(pod: string): string {
    const { clock, random } = this.options;
    const chance = random.integer(0, 0xfffff).toString(16).padStart(5, '0');
    const begin = pod.slice(0, 230).replace(/[^a-z0-9]+$/, '');
    return `${begin}.${Math.floor(clock.wallMs()).toString(16)}${chance}`;
  }

  private drop(reason: string, facts: EventFacts, error?: unknown): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    this.quiet.warn('kube-event-dropped', reason, {
      reason,
      namespace: facts.target.namespace,
      pod: facts.target.pod,
      eventReason: facts.reason,
      ...(error === undefined
        ? {}
        : { error: isStillpointError(error) ? error : messageOf(error) }),
    });
  }
}

/** Puts it last; beyond REMEMBERED_MAX the first is forgotten. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const first = map.keys().next();
  if (map.size > REMEMBERED_MAX && !first.done) map.delete(first.value);
}
