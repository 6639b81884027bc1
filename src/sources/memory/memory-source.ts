import type { Cancel, Clock, Logger } from '../../base/index.ts';
import type { Cgroups, MemoryReadFailure } from '../../node/index.ts';
import { describeTarget } from '../../signal/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import { type Bounds, isAlarming, isNear, isRushing, NEAR_RATIO, type Reading } from './judge.ts';
import { LevelTable } from './level.ts';
import { type Sample, sampleLevels } from './sample.ts';
import { type MemoryWatch, Watched } from './watched.ts';

export interface MemorySourceOptions {
  cgroups: Cgroups;
  clock: Clock;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
  /** Between two looks at a container far from its limit; default 100. */
  calmEveryMs?: number;
  /** Between two looks at one near its limit, or rushing towards it; default 5. */
  alertEveryMs?: number;
}

/** The memory source. While a container is in alarm it emits at each look, and once after. */
export interface MemorySource extends Source {
  /**
   * Replaces the list of watched containers at once. A container that stays on it keeps its
   * history; a target is known by its container id.
   */
  watch(list: readonly MemoryWatch[]): void;
}

export function createMemorySource(options: MemorySourceOptions): MemorySource {
  return new Sampler(options);
}

const NAME = 'memory';
const CALM_EVERY_MS = 100;
const ALERT_EVERY_MS = 5;
/** How many containers at most are sampled at the alert pace: those that are full soonest. */
const FAST_MAX = 32;
/** A container stays at the alert pace this long after it was last seen near. */
const NEAR_HOLD_MS = 500;
/** A cgroup that is not found for longer than a start takes is worth telling. */
const SEEK_PATIENCE_MS = 10_000;
const STATUS_EVERY_MS = 1_000;
/** After this long in alarm without a rush a close look each 100 ms is enough. */
const STEADY_ALARM_MS = 1_000;

class Sampler implements MemorySource {
  readonly name = NAME;
  readonly #options: MemorySourceOptions;
  readonly #table = new LevelTable();
  readonly #dropped: Record<MemoryReadFailure, number> = { gone: 0, garbled: 0, unreadable: 0 };
  #watched = new Map<string, Watched>();
  #fast = new Set<Watched>();
  #isCrowded = false;
  #round = 0;
  #statusDueMs = 0;
  #status: SourceStatus = { state: 'starting' };
  #cancelCalm: Cancel | undefined;
  #cancelFast: Cancel | undefined;

  constructor(options: MemorySourceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#cancelCalm) return;
    const { clock, calmEveryMs = CALM_EVERY_MS } = this.#options;
    this.#cancelCalm = clock.every(calmEveryMs, () => this.#lookAtCalm());
    this.#setStatus({ state: 'live', sinceMs: clock.wallMs() });
  }

  async stop(): Promise<void> {
    this.#cancelCalm?.();
    this.#cancelFast?.();
    this.#cancelFast = undefined;
    this.#fast.clear();
    for (const watched of this.#watched.values()) watched.end();
    this.#watched.clear();
    this.#setStatus({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.#status;
  }

  dropped(): Readonly<Record<string, number>> {
    const { garbled, unreadable } = this.#dropped;
    return { garbled, unreadable };
  }

  watch(list: readonly MemoryWatch[]): void {
    if (this.#status.state === 'stopped') return;
    const nowMs = this.#options.clock.monotonicMs();
    const next = new Map<string, Watched>();
    for (const watch of list) {
      const id = watch.target.containerId;
      const known = this.#watched.get(id);
      known?.rewatch(watch);
      next.set(id, known ?? new Watched(watch, this.#table, nowMs));
    }
    for (const [id, watched] of this.#watched) {
      if (next.has(id)) continue;
      watched.end();
      this.#fast.delete(watched);
    }
    this.#watched = next;
  }

  #lookAtCalm(): void {
    const { clock, cgroups } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#round++;
    for (const watched of this.#watched.values()) {
      if (this.#fast.has(watched)) continue;
      watched.seek(cgroups, nowMs);
      this.#look(watched, nowMs, 'calm');
    }
    this.#chooseFast(nowMs);
    if (nowMs < this.#statusDueMs) return;
    this.#statusDueMs = nowMs + STATUS_EVERY_MS;
    this.#reviewStatus(nowMs);
  }

  #lookAtFast(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#round++;
    for (const watched of this.#fast) {
      // Who leaves is looked at as a calm one: 100 ms from here at most the next such look comes.
      this.#look(watched, nowMs, watched.nearUntilMs < nowMs ? 'calm' : 'alert');
      if (watched.nearUntilMs < nowMs) this.#fast.delete(watched);
    }
    if (this.#fast.size > 0) return;
    this.#cancelFast?.();
    this.#cancelFast = undefined;
  }

  #look(watched: Watched, nowMs: number, pace: 'calm' | 'alert'): void {
    if (watched.state.kind !== 'sampling') return;
    const { calmEveryMs = CALM_EVERY_MS } = this.#options;
    const isTime = pace === 'calm' || nowMs - watched.lookedCloselyMs >= calmEveryMs;
    const bounds = boundsOf(watched, nowMs, isTime);
    if (!bounds || isTime) watched.lookedCloselyMs = nowMs;
    const { levels } = watched.state;
    const sample = sampleLevels(levels, { round: this.#round, nowMs, bounds });
    this.#take(watched, sample, nowMs, isTime);
  }

  #take(watched: Watched, sample: Sample, nowMs: number, isTime: boolean): void {
    if (sample.kind === 'failed') {
      if (sample.why === 'gone') watched.end();
      else this.#dropped[sample.why]++;
      if (sample.why === 'unreadable') watched.lose(nowMs);
      return;
    }
    const wasInAlarm = isHeardOf(watched);
    watched.wasRead = true;
    if (sample.kind !== 'reading') {
      // Between two close looks nothing was learned but that there is nothing new.
      if (sample.kind === 'calm' && !isTime) return;
      watched.crossings.clear();
      watched.alarmSinceMs = undefined;
      if (wasInAlarm) this.#emit(watched, UNBOUNDED);
      return;
    }
    const { reading } = sample;
    const isInAlarm = isAlarming(reading, watched.watch, wasInAlarm);
    watched.alarmSinceMs = isInAlarm ? (watched.alarmSinceMs ?? nowMs) : undefined;
    watched.fullInMs = reading.fullInMs ?? Number.POSITIVE_INFINITY;
    watched.crossings.take(reading.usedRatio, nowMs);
    watched.gapRatio = watched.crossings.next - reading.usedRatio;
    if (sample.isUnsure || isNear(reading, watched.crossings.next)) {
      watched.nearUntilMs = nowMs + NEAR_HOLD_MS;
    }
    if (isInAlarm || wasInAlarm) this.#emit(watched, reading);
  }

  #emit(watched: Watched, reading: Reading): void {
    const { clock, emit } = this.#options;
    const wallMs = clock.wallMs();
    const { target } = watched.watch;
    emit({ kind: 'memory', occurredMs: wallMs, seenMs: wallMs, target, ...reading });
  }

  /** Takes the near ones to the alert pace; when they are too many, those full soonest. */
  #chooseFast(nowMs: number): void {
    const near = [...this.#watched.values()].filter(({ nearUntilMs }) => nearUntilMs >= nowMs);
    const isCrowded = near.length > FAST_MAX;
    if (isCrowded) near.sort(byUrgency);
    this.#fast = new Set(near.slice(0, FAST_MAX));
    if (isCrowded && !this.#isCrowded) {
      this.#options.log.warn('memory-many-near', { near: near.length, sampledFast: FAST_MAX });
    }
    this.#isCrowded = isCrowded;
    if (this.#fast.size === 0 || this.#cancelFast) return;
    const { clock, alertEveryMs = ALERT_EVERY_MS } = this.#options;
    this.#cancelFast = clock.every(alertEveryMs, () => this.#lookAtFast());
  }

  #reviewStatus(nowMs: number): void {
    const sinceMs = this.#options.clock.wallMs();
    const missing = [...this.#watched.values()].flatMap(({ state, watch }) =>
      state.kind === 'seeking' && nowMs - state.sinceMs >= SEEK_PATIENCE_MS
        ? [{ target: watch.target, why: state.why }]
        : [],
    );
    const [first] = missing;
    if (!first) {
      if (this.#status.state !== 'live') this.#setStatus({ state: 'live', sinceMs });
      return;
    }
    const reason =
      `the memory of ${missing.length} of ${this.#watched.size} containers cannot be read, ` +
      `such as ${describeTarget(first.target)}: ${first.why}`;
    if (this.#status.state === 'degraded' && this.#status.reason === reason) return;
    this.#setStatus({ state: 'degraded', sinceMs, reason });
  }

  #setStatus(status: SourceStatus): void {
    this.#status = status;
    this.#options.onStatus(NAME, status);
  }
}

/** The limit was taken away while the container was in alarm. */
const UNBOUNDED: Reading = { levels: [], usedRatio: 0, growthBytesPerSecond: 0 };

/** In alarm, or not read yet and with a rule that waits for a fall: each reading is emitted. */
function isHeardOf({ alarmSinceMs, wasRead, watch }: Watched): boolean {
  return alarmSinceMs !== undefined || (!wasRead && watch.clearRatio !== undefined);
}

/**
 * What usage must reach for the container to be looked at closely; undefined = it is anyway: in an
 * alarm that is new or rushes, and each 100 ms in one that lasts. In between only the next share
 * counts, which usage alone can rule out.
 */
function boundsOf(watched: Watched, nowMs: number, isTime: boolean): Bounds | undefined {
  const { alarmSinceMs, crossings, watch } = watched;
  const { alarmRatio, fillings = [] } = watch;
  if (isHeardOf(watched)) {
    const isLasting = alarmSinceMs !== undefined && nowMs - alarmSinceMs >= STEADY_ALARM_MS;
    if (isTime || !isLasting || isRushing(watched.fullInMs)) return undefined;
    return { fromRatio: crossings.next, orRushing: true, fillings };
  }
  if (!isTime) return { fromRatio: alarmRatio, orRushing: false, fillings };
  // Below this it is far below every share, also those that it was at rest above.
  return { fromRatio: alarmRatio - NEAR_RATIO, orRushing: true, fillings };
}

/** Full soonest first, then by what is left to the next share. */
function byUrgency(a: Watched, b: Watched): number {
  return compare(a.fullInMs, b.fullInMs) || compare(a.gapRatio, b.gapRatio);
}

/** Infinity minus itself is no number, so no subtraction. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
