import { type Cancel, type Clock, type Logger, messageOf, nextCronMs } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import {
  AHEAD_MS_MAX,
  type Due,
  dueAt,
  jitterOf,
  lateMsMax,
  type ScheduleEntry,
  startCursorMs,
} from './due.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';

export interface ScheduleSourceOptions {
  /** Seeds the jitter. */
  nodeName: string;
  /** Whether captures of the rule wait or run, for those that forbid a second run beside them. */
  isUnderWay(rule: string): boolean;
  clock: Clock;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
  /** Where the last tick of each rule is kept; without it a restart begins anew. */
  store?: Store;
}

/** Emits a tick when the time of a schedule rule has come. */
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
/** Hundreds of new schedules must not hold up what samples memory in this process. */
const TURN_MS = 5;
/** How often a time that waits for the end of captures looks whether they have ended. */
const HELD_LOOK_MS = 2_000;

interface Planned {
  entry: ScheduleEntry;
  cursorMs: number;
  nextMs: number;
  /** By how much it ticks later than scheduled. */
  jitterMs: number;
  /** A scheduled time that has come and waits for the end of captures of its rule. */
  heldMs?: number;
}

class Calendar implements ScheduleSource {
  readonly name = NAME;
  readonly #options: ScheduleSourceOptions;
  readonly #memory: RunMemory;
  /** By rule; why a schedule does not run, or not as it should. */
  readonly #problems = new Map<string, string>();
  #planned: Planned[] = [];
  #missed = 0;
  /** Only what was there before a restart can have missed times. */
  #isFirst = true;
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
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#planned = entries.map((entry) => {
      const known = before.get(entry.rule);
      if (known && isSameCalendar(known.entry, entry)) {
        const plan = this.#planOf(entry, known.cursorMs);
        // To find the next time of a calendar takes half a millisecond.
        const isFound = Number.isFinite(known.nextMs) && known.jitterMs === plan.jitterMs;
        return { ...known, ...plan, ...(isFound ? { nextMs: known.nextMs } : {}) };
      }
      // What was not there a moment ago has missed nothing.
      const lastMs = known?.cursorMs ?? this.#startCursorMs(entry, nowMs);
      return this.#planOf(entry, isFirst ? lastMs : Math.max(lastMs, nowMs));
    });
    if (this.#status.state !== 'starting') this.#run();
  }

  #planOf(entry: ScheduleEntry, cursorMs: number): Planned {
    const jitterMs = jitterOf(this.#options.nodeName, entry.rule, entry.jitterMs);
    return { entry, cursorMs, nextMs: Number.NEGATIVE_INFINITY, jitterMs };
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
    const untilMs = clock.monotonicMs() + TURN_MS;
    for (const planned of this.#planned) {
      this.#advance(planned, nowMs);
      // The others, whose next time is not known yet, come in a moment.
      if (clock.monotonicMs() >= untilMs) break;
    }
    this.#reviewStatus(nowMs);
    if (this.#status.state === 'stopped') return;
    const isHeld = this.#planned.some(({ heldMs }) => heldMs !== undefined);
    const nextMs = Math.min(...this.#planned.map((planned) => planned.nextMs));
    const sleepMsMax = isHeld ? HELD_LOOK_MS : SLEEP_MS_MAX;
    const sleepMs = Math.max(1, Math.min(sleepMsMax, nextMs - clock.wallMs()));
    this.#cancel = clock.after(sleepMs, () => this.#run());
  }

  #advance(planned: Planned, nowMs: number): void {
    const { entry } = planned;
    if (planned.cursorMs - nowMs > AHEAD_MS_MAX) {
      this.#options.log.warn('schedule-clock-went-back', { rule: entry.rule });
      planned.cursorMs = nowMs;
      planned.nextMs = nowMs;
      planned.heldMs = undefined;
    }
    if (planned.nextMs > nowMs) {
      this.#advanceHeld(planned, nowMs);
      return;
    }
    const due = this.#due(planned, nowMs - planned.jitterMs);
    if (!due) {
      planned.nextMs = Number.POSITIVE_INFINITY;
      return;
    }
    const isOver = due.cursorMs !== planned.cursorMs;
    planned.cursorMs = due.cursorMs;
    planned.nextMs = due.nextMs + planned.jitterMs;
    if (entry.suspend) {
      // Kept, so that a restart does not catch up what was suspended.
      if (isOver) this.#remember(entry, due.cursorMs);
      planned.heldMs = undefined;
      return;
    }
    if (due.missed) this.#tellMissed(entry, due.missed, 'nobody looked when they came');
    if (due.tickMs === undefined) return;
    this.#giveUpHeld(planned, 'the next time has come');
    planned.heldMs = due.tickMs;
    this.#advanceHeld(planned, nowMs);
  }

  /** Ticks for a time that has come, unless it has to wait for captures of its rule. */
  #advanceHeld(planned: Planned, nowMs: number): void {
    const { entry, heldMs, jitterMs } = planned;
    if (heldMs === undefined) return;
    const isForbidden = entry.concurrency === 'Forbid' && this.#options.isUnderWay(entry.rule);
    if (!isForbidden) {
      planned.heldMs = undefined;
      this.#tick(entry, heldMs, nowMs);
    } else if (nowMs - heldMs - jitterMs > entry.startingDeadlineMs) {
      this.#giveUpHeld(planned, 'captures of its last time were under way until its deadline');
    }
  }

  #giveUpHeld(planned: Planned, why: string): void {
    const { entry, heldMs } = planned;
    if (heldMs === undefined) return;
    planned.heldMs = undefined;
    const missed = { count: 1, firstMs: heldMs, lastMs: heldMs, isAtLeast: false };
    this.#tellMissed(entry, missed, why);
  }

  /** Undefined for a schedule with no date left: a problem that only a new schedule() ends. */
  #due({ entry, cursorMs }: Planned, nowMs: number): Due | undefined {
    const next = (afterMs: number) => nextCronMs(entry.cron, entry.timeZone, afterMs);
    try {
      return dueAt(next, cursorMs, nowMs, lateMsMax(entry));
    } catch (error) {
      this.#problem(entry, 'it does not run', error);
      return undefined;
    }
  }

  #tellMissed({ rule }: ScheduleEntry, missed: NonNullable<Due['missed']>, why: string): void {
    this.#missed += missed.count;
    this.#options.log.warn('schedule-missed', {
      rule,
      why,
      count: missed.count,
      countIsAtLeast: missed.isAtLeast,
      first: new Date(missed.firstMs).toISOString(),
      last: new Date(missed.lastMs).toISOString(),
    });
  }

  /** Remembers first: a crash in between loses this tick, and never gives it twice. */
  #tick(entry: ScheduleEntry, scheduledMs: number, nowMs: number): void {
    this.#remember(entry, scheduledMs);
    this.#options.emit({
      kind: 'tick',
      rule: entry.rule,
      scheduledMs,
      occurredMs: scheduledMs,
      seenMs: nowMs,
    });
  }

  #remember(entry: ScheduleEntry, scheduledMs: number): void {
    try {
      this.#memory.remember(entry.rule, scheduledMs);
      this.#problems.delete(entry.rule);
    } catch (error) {
      this.#problem(entry, 'its last run cannot be kept', error);
    }
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

function isSameCalendar(a: ScheduleEntry, b: ScheduleEntry): boolean {
  return a.cron === b.cron && a.timeZone === b.timeZone;
}
