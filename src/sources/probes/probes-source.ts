import { type Cancel, type Clock, isStillpointError, messageOf } from '../../base/index.ts';
import type { KubeletClient } from '../../kube/index.ts';
import type { ProbeFact, Target } from '../../signal/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import { type ProbeCounts, probeCountsOf, probeKey } from './probe-counts.ts';

/** One probe of one container in one life. */
export interface ProbeWatch {
  target: Target;
  /** The pod's uid as the kubelet has it. */
  kubeletPodUid: string;
  type: ProbeFact['type'];
  /** Looked at twice in a period, so that each look sees one result at most. */
  periodMs: number;
}

export interface ProbesSourceOptions {
  kubelet: Pick<KubeletClient, 'probeMetrics'>;
  clock: Clock;
  emit: Emit;
  onStatus: OnStatus;
}

/** Emits what the kubelet counted: every failure, and the success that ends a row of them. */
export interface ProbesSource extends Source {
  /** Replaces the list at once; while it is empty the kubelet is not asked. */
  watch(list: readonly ProbeWatch[]): void;
}

export function createProbesSource(options: ProbesSourceOptions): ProbesSource {
  return new Poller(options);
}

const NAME = 'probes';
const EVERY_MS = { min: 1_000, max: 5_000 };

interface Watched {
  watch: ProbeWatch;
  /** Absent before the first look: what was counted until then is no news. */
  counts?: ProbeCounts;
  /** A failure since the last success, or nobody knows. */
  isFailing: boolean;
}

class Poller implements ProbesSource {
  readonly name = NAME;
  readonly #options: ProbesSourceOptions;
  readonly #aborter = new AbortController();
  #watched = new Map<string, Watched>();
  #status: SourceStatus = { state: 'starting' };
  #cancel: Cancel = () => undefined;
  #round: Promise<void> | undefined;
  #resets = 0;

  constructor(options: ProbesSourceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#status.state !== 'starting') return;
    this.#setStatus({ state: 'live', sinceMs: this.#options.clock.wallMs() });
    this.#plan(0);
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#aborter.abort();
    this.#watched.clear();
    await this.#round;
    this.#setStatus({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.#status;
  }

  dropped(): Readonly<Record<string, number>> {
    return { 'counter-reset': this.#resets };
  }

  watch(list: readonly ProbeWatch[]): void {
    if (this.#status.state === 'stopped') return;
    const wasIdle = this.#watched.size === 0;
    const next = new Map<string, Watched>();
    for (const watch of list) {
      const key = probeKey(watch.kubeletPodUid, watch.target.container, watch.type);
      const known = this.#watched.get(key);
      // Of another life the counts go on, but the last ones may still speak of the former.
      const isSame = known?.watch.target.containerId === watch.target.containerId;
      next.set(key, isSame ? { ...known, watch } : { watch, isFailing: true });
    }
    this.#watched = next;
    if (next.size === 0) this.#cancel();
    if (wasIdle && next.size > 0 && this.#status.state !== 'starting') this.#plan(0);
  }

  #plan(delayMs: number): void {
    this.#cancel();
    if (this.#watched.size === 0 || this.#round || this.#aborter.signal.aborted) return;
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#round = this.#look().finally(() => {
        this.#round = undefined;
        this.#plan(this.#everyMs());
      });
    });
  }

  #everyMs(): number {
    let periodMs = Number.POSITIVE_INFINITY;
    for (const { watch } of this.#watched.values()) periodMs = Math.min(periodMs, watch.periodMs);
    return Math.min(Math.max(periodMs / 2, EVERY_MS.min), EVERY_MS.max);
  }

  async #look(): Promise<void> {
    const { clock, kubelet } = this.#options;
    try {
      const asked = this.#watched;
      const text = await kubelet.probeMetrics(this.#aborter.signal);
      if (this.#aborter.signal.aborted) return;
      const counts = probeCountsOf(text);
      for (const [key, watched] of this.#watched) {
        // Asked before this life was known: the answer may be older than the life.
        if (asked.get(key)?.watch.target.containerId !== watched.watch.target.containerId) continue;
        this.#take(watched, counts.get(key) ?? { failed: 0, successful: 0 });
      }
      if (this.#status.state !== 'live')
        this.#setStatus({ state: 'live', sinceMs: clock.wallMs() });
    } catch (error) {
      if (this.#aborter.signal.aborted) return;
      const hint = isStillpointError(error) && error.hint ? ` (${error.hint})` : '';
      this.#degrade(`${messageOf(error)}${hint}; only Events tell of failing probes`);
    }
  }

  #take(watched: Watched, now: ProbeCounts): void {
    const before = watched.counts;
    watched.counts = now;
    if (!before) return;
    const failures = this.#grown(before.failed, now.failed);
    const successes = this.#grown(before.successful, now.successful);
    if (failures === 0 && (successes === 0 || !watched.isFailing)) return;
    watched.isFailing = failures > 0;
    const { target, type } = watched.watch;
    const seenMs = this.#options.clock.wallMs();
    const times = { occurredMs: seenMs, seenMs };
    this.#options.emit({ kind: 'probe', target, type, failures, successes, ...times });
  }

  /** A counter that went back began anew with the kubelet: all it has is new. */
  #grown(before: number, now: number): number {
    if (now >= before) return now - before;
    this.#resets++;
    return now;
  }

  #degrade(reason: string): void {
    if (this.#status.state === 'degraded' && this.#status.reason === reason) return;
    this.#setStatus({ state: 'degraded', sinceMs: this.#options.clock.wallMs(), reason });
  }

  #setStatus(status: SourceStatus): void {
    this.#status = status;
    this.#options.onStatus(NAME, status);
  }
}
