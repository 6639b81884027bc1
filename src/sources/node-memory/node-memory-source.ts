import type { Cancel, Clock } from '../../base/index.ts';
import type { Cgroups, MemoryReadFailure, NodeMemoryFiles } from '../../node/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import { type Look, type Standing, standingOf } from './judge.ts';
import { createPodFiles, type PodFiles } from './pod-files.ts';
import type { NodeMemoryWatch } from './watch.ts';

export interface NodeMemorySourceOptions {
  cgroups: Cgroups;
  clock: Clock;
  emit: Emit;
  onStatus: OnStatus;
  /** Between two looks far from every amount; default 250. */
  calmEveryMs?: number;
  /** Between two looks near one of them; default 50. */
  nearEveryMs?: number;
}

/** The source of the node's memory. Without a watch it reads nothing. */
export interface NodeMemorySource extends Source {
  /** Replaces what is watched; undefined = nothing. */
  watch(watch: NodeMemoryWatch | undefined): void;
}

const NAME = 'node-memory';
const CALM_EVERY_MS = 250;
const NEAR_EVERY_MS = 50;
/** While memory is low, pods are measured this often: to measure 100 of them takes milliseconds. */
const LOW_TELL_MS = 1_000;
/** So often it is told when nothing happens, for those who ask why nothing happens. */
const CALM_TELL_MS = 10_000;

export function createNodeMemorySource(options: NodeMemorySourceOptions): NodeMemorySource {
  return new Sampler(options);
}

const FAILURES: Readonly<Record<MemoryReadFailure, string>> = {
  gone: 'there are no files of it',
  garbled: 'its files do not hold what the kernel writes',
  unreadable: 'its files cannot be opened',
};

class Sampler implements NodeMemorySource {
  readonly name = NAME;
  readonly #options: NodeMemorySourceOptions;
  readonly #files: NodeMemoryFiles;
  readonly #pods: PodFiles;
  #watch: NodeMemoryWatch | undefined;
  #before: Look | undefined;
  #told: { atMs: number; reached: number } | undefined;
  #failed = 0;
  #isStarted = false;
  #status: SourceStatus = { state: 'starting' };
  #cancel: Cancel = () => undefined;

  constructor(options: NodeMemorySourceOptions) {
    this.#options = options;
    this.#files = options.cgroups.openNodeMemory();
    this.#pods = createPodFiles(options.cgroups);
  }

  async start(): Promise<void> {
    if (this.#isStarted || this.#status.state === 'stopped') return;
    this.#isStarted = true;
    this.#setStatus({ state: 'live', sinceMs: this.#options.clock.wallMs() });
    if (this.#watch) this.#look();
  }

  async stop(): Promise<void> {
    this.#rest();
    this.#setStatus({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.#status;
  }

  dropped(): Readonly<Record<string, number>> {
    return { unreadable: this.#failed + this.#pods.failed() };
  }

  watch(watch: NodeMemoryWatch | undefined): void {
    if (this.#status.state === 'stopped') return;
    const isNew = this.#watch === undefined;
    this.#watch = watch;
    if (!watch) {
      this.#rest();
      this.#setReadable(undefined);
    } else if (isNew && this.#isStarted) this.#look();
  }

  #rest(): void {
    this.#cancel();
    this.#files.close();
    this.#pods.close();
    this.#before = undefined;
    this.#told = undefined;
  }

  #look(): void {
    this.#cancel();
    const { clock, calmEveryMs = CALM_EVERY_MS, nearEveryMs = NEAR_EVERY_MS } = this.#options;
    const standing = this.#watch && this.#take(this.#watch);
    const waitMs = standing?.isNear ? nearEveryMs : calmEveryMs;
    this.#cancel = clock.after(waitMs, () => this.#look());
  }

  #take(watch: NodeMemoryWatch): Standing | undefined {
    const read = this.#files.read();
    if (typeof read === 'string') {
      this.#failed++;
      this.#before = undefined;
      this.#setReadable(read);
      return undefined;
    }
    this.#setReadable(undefined);
    const look = { ...read, atMs: this.#options.clock.monotonicMs() };
    const standing = standingOf(watch, look, this.#before);
    this.#before = look;
    if (this.#isToBeTold(standing, look.atMs)) this.#tell(watch, look, standing);
    return standing;
  }

  /** When an amount was crossed at once, else from time to time. */
  #isToBeTold({ isLow, reached }: Standing, nowMs: number): boolean {
    if (!this.#told || this.#told.reached !== reached) return true;
    return nowMs - this.#told.atMs >= (isLow ? LOW_TELL_MS : CALM_TELL_MS);
  }

  #tell(watch: NodeMemoryWatch, look: Look, { isLow, reached }: Standing): void {
    const { clock, emit } = this.#options;
    const { availableBytes, capacityBytes, atMs } = look;
    const pods = isLow ? this.#pods.measure(watch.containers) : [];
    if (!isLow) this.#pods.close();
    this.#told = { atMs, reached };
    const wallMs = clock.wallMs();
    const times = { occurredMs: wallMs, seenMs: wallMs };
    emit({ kind: 'nodeMemory', availableBytes, capacityBytes, pods, ...times });
  }

  #setReadable(failure: MemoryReadFailure | undefined): void {
    const sinceMs = this.#options.clock.wallMs();
    if (failure === undefined) {
      if (this.#status.state === 'degraded') this.#setStatus({ state: 'live', sinceMs });
      return;
    }
    const reason = `the memory of the node cannot be read: ${FAILURES[failure]}`;
    if (this.#status.state === 'degraded' && this.#status.reason === reason) return;
    this.#setStatus({ state: 'degraded', sinceMs, reason });
  }

  #setStatus(status: SourceStatus): void {
    this.#status = status;
    this.#options.onStatus(NAME, status);
  }
}
