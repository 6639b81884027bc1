import { type Cancel, type Clock, type Logger, messageOf, nextCronMs } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import { AHEAD_MS_MAX, type Due, dueAt, type ScheduleEntry, startCursorMs } from './due.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';

export interface ScheduleSourceOptions {
  clock: Clock;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
  /** Where the last tick of each rule is kept; without it a restart begins anew. */
  store?: Store;
}

/** Emits a tick when the time of a schedule rule has come, at most a minute late. */
export interface ScheduleSource extends Source {
  /** Replaces all entries at once; one that did not change goes on where it was. */
  schedule(entries: readonly ScheduleEntry[]): void;
}

export function createScheduleSource(options: ScheduleSourceOptions): ScheduleSource {
  return new Calendar(options);
}

const NAME = 'schedule';
/** The longest sleep: a jump of the wall clock is noticed within it. */
const SLEEP_MS_MAX = 60_000;

interface Planned {
  entry: ScheduleEntry;
  cursorMs: number;
  nextMs: number;
}

class Calendar implements ScheduleSource {
  readonly name = NAME;
  readonly #options: ScheduleSourceOptions;
  readonly #memory: RunMemory;
  /** By rule; why a schedule does not run, or not as it should. */
  readonly #problems = new Map<string, string>();
  #planned: Planned[] = [];
  #missed = 0;
  #status: SourceStatus = { state: 'starting' };
  #cancel: Cancel | undefined;

  constructor(options: ScheduleSourceOptions) {
    this.#options = options;
    this.#memory = createRunMemory(options.store);
  }

  async start(): Promise<void> {
    if (this.#status.state !== 'starting') return;
    this.#setStatus({ state: 'live', sinceMs: this.#options.clock.wallMs() });
    this.#run();
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#planned = [];
    this.#setStatus({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.#status;
  }

  dropped(): Readonly<Record<string, number>> {
    return { missed: this.#missed };
  }

  schedule(entries: readonly ScheduleEntry[]): void {
    if (this.#status.state === 'stopped') return;
    const before = new Map(this.#planned.map((planned) => [planned.entry.rule, planned]));
    this.#problems.clear();
    const nowMs = this.#options.clock.wallMs();
    this.#planned = entries.map((entry) => {
      const known = before.get(entry.rule);
      if (known && isSame(known.entry, entry)) return known;
      const cursorMs = known ? Math.max(known.cursorMs, nowMs) : this.#startCursorMs(entry, nowMs);
      return { entry, cursorMs, nextMs: nowMs };
    });
    if (this.#status.state !== 'starting') this.#run();
  }

  #startCursorMs(entry: ScheduleEntry, nowMs: number): number {
    try {
      return startCursorMs(this.#memory.lastMs(entry.rule), nowMs);
    } catch (error) {
      this.#problem(entry, 'its last run cannot be read', error);
      return nowMs;
    }
  }

  /** Ticks for what is due and sleeps until the next, a minute at most. */
  #run(): void {
    this.#cancel?.();
    const { clock } = this.#options;
    const nowMs = clock.wallMs();
    for (const planned of this.#planned) this.#advance(planned, nowMs);
    this.#reviewStatus(nowMs);
    if (this.#status.state === 'stopped') return;
    const nextMs = Math.min(...this.#planned.map((planned) => planned.nextMs));
    const sleepMs = Math.max(1, Math.min(SLEEP_MS_MAX, nextMs - clock.wallMs()));
    this.#cancel = clock.after(sleepMs, () => this.#run());
  }

  #advance(planned: Planned, nowMs: number): void {
    const { entry } = planned;
    if (planned.cursorMs - nowMs > AHEAD_MS_MAX) {
      this.#options.log.warn('schedule-clock-went-back', { rule: entry.rule });
      planned.cursorMs = nowMs;
      planned.nextMs = nowMs;
    }
    if (planned.nextMs > nowMs) return;
    const due = this.#due(planned, nowMs);
    if (!due) {
      planned.nextMs = Number.POSITIVE_INFINITY;
      return;
    }
    planned.cursorMs = due.cursorMs;
    planned.nextMs = due.nextMs;
    if (due.missed) this.#tellMissed(entry, due.missed);
    if (due.tickMs !== undefined) this.#tick(entry, due.tickMs, nowMs);
  }

  /** Undefined for a schedule with no date left: a problem that only a new schedule() ends. */
  #due({ entry, cursorMs }: Planned, nowMs: number): Due | undefined {
    try {
      return dueAt((afterMs) => nextCronMs(entry.cron, entry.timeZone, afterMs), cursorMs, nowMs);
    } catch (error) {
      this.#problem(entry, 'it does not run', error);
      return undefined;
    }
  }

  #tellMissed({ rule }: ScheduleEntry, missed: NonNullable<Due['missed']>): void {
    this.#missed += missed.count;
    this.#options.log.warn('schedule-missed', {
      rule,
      count: missed.count,
      countIsAtLeast: missed.isAtLeast,
      first: new Date(missed.firstMs).toISOString(),
      last: new Date(missed.lastMs).toISOString(),
    });
  }

  /** Remembers first: a crash in between loses this tick, and never gives it twice. */
  #tick(entry: ScheduleEntry, scheduledMs: number, nowMs: number): void {
    try {
      this.#memory.remember(entry.rule, scheduledMs);
      this.#problems.delete(entry.rule);
    } catch (error) {
      this.#problem(entry, 'its last run cannot be kept', error);
    }
    this.#options.emit({
      kind: 'tick',
      rule: entry.rule,
      scheduledMs,
      occurredMs: scheduledMs,
      seenMs: nowMs,
    });
  }

  #problem({ rule }: ScheduleEntry, what: string, error: unknown): void {
    this.#problems.set(rule, `schedule of rule ${rule}: ${what}: ${messageOf(error)}`);
  }

  #reviewStatus(sinceMs: number): void {
    const [reason] = this.#problems.values();
    if (reason === undefined) {
      if (this.#status.state === 'degraded') this.#setStatus({ state: 'live', sinceMs });
      return;
    }
    if (this.#status.state === 'degraded' && this.#status.reason === reason) return;
    this.#setStatus({ state: 'degraded', sinceMs, reason });
  }

  #setStatus(status: SourceStatus): void {
    this.#status = status;
    this.#options.onStatus(NAME, status);
  }
}

function isSame(a: ScheduleEntry, b: ScheduleEntry): boolean {
  return a.cron === b.cron && a.timeZone === b.timeZone;
}
