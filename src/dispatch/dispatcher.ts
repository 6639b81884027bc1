import { type Clock, isStillpointError, type Random } from '../base/index.ts';
import type { Decision } from '../rules/index.ts';
import type { ReasonCode, Target } from '../signal/index.ts';
import { readSetting, type Store, writeSetting } from '../store/index.ts';
import { createHourlyBudget } from './hourly-budget.ts';
import { createJournal, type Journal, type JournalEntry } from './journal.ts';
import { compareUrgency } from './order.ts';
import type { Acceptance, Trigger } from './trigger.ts';

/** What a dispatcher is made of. */
export interface DispatcherOptions {
  store: Store;
  clock: Clock;
  random: Random;
  /** Captures that may begin within an hour on this node. */
  capturesPerHourMax: number;
  /**
   * Triggers that may wait at once; more are refused as `busy`. A bound on memory and on how old
   * a capture can be, not something that a healthy node meets.
   */
  waitingMax: number;
  /**
   * Does the capture; called for one trigger at a time. Resolves when the container is thawed
   * (proving the archive may go on meanwhile), with `not-begun` when a guard refused before
   * anything was asked of the runtime: that costs none of the hourly budget. Must not reject: a
   * rejection is a bug of the agent.
   */
  capture: (trigger: Trigger, signal: AbortSignal) => Promise<'begun' | 'not-begun'>;
  /** The store failed where nobody waits for an answer; it is tried again where that matters. */
  onTrouble?: (error: unknown) => void;
  /** What became of a decision that was cut off from a capture, see cutOff. */
  onOfferedAnew?: (decision: Decision, acceptance: Acceptance) => void;
}

/**
 * Decisions to fire in, captures out, one at a time, the most urgent first. Accepts from the
 * beginning, but captures only once it was started: what a crash left frozen goes first.
 */
export interface Dispatcher {
  readonly journal: Journal;
  start(): void;
  /**
   * Accepts, joins or refuses; what is accepted is on disk when this returns, and what cannot be
   * written is refused as `not-writable`.
   */
  offer(decision: Decision & { target: Target }): Acceptance;
  /** Queues again what a crash left waiting; neither journalled anew nor counted twice. */
  requeue(entry: JournalEntry): void;
  /** Whether a trigger with a decision of the rule waits or runs. */
  isUnderWay(rule: string): boolean;
  /** The trigger as it is now, with all decisions that joined it. */
  trigger(id: string): Trigger | undefined;
  /**
   * The trigger that runs now, without the decisions made after `untilMs`: they speak of a time
   * that its archive does not show. They are offered anew when it has ended, and coalesce then.
   */
  cutOff(id: string, untilMs: number): Trigger | undefined;
  /** The capture of that trigger costs none of the hourly budget: nobody's container stood still. */
  giveBack(triggerId: string): void;
  /** No further capture begins until resume(), also after a restart; what runs goes on. */
  pause(): void;
  resume(): void;
  status(): {
    waiting: number;
    running: Trigger | undefined;
    paused: boolean;
    usedThisHour: number;
  };
  /** Begins no more, aborts what runs after `graceMs`, and waits for its end. */
  stop(graceMs: number): Promise<void>;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new DispatcherImpl(options);
}

/** The setting that says whether captures are paused. */
const PAUSED = 'dispatch-paused';

/** A disk that is full now may have room in a moment. */
const STORE_RETRY_MS = 1_000;

/**
 * Decisions that one trigger holds. Beyond it they still join, but are not kept: a storm must not
 * write megabytes to disk for each further alert, while the container stands still.
 */
const DECISIONS_MAX = 100;

interface Running {
  trigger: Trigger;
  ended: Promise<void>;
  /** Decisions that came too late for its archive. */
  late: readonly Decision[];
}

class DispatcherImpl implements Dispatcher {
  readonly journal: Journal;
  readonly #options: DispatcherOptions;
  readonly #budget;
  readonly #waiting = new Map<string, Trigger>();
  readonly #abort = new AbortController();
  #running: Running | undefined;
  #started = false;
  #paused: boolean;
  #stopping = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.journal = createJournal(options.store, () => options.clock.wallMs());
    this.#budget = createHourlyBudget(options.store);
    this.#paused = readSetting(options.store, PAUSED) === true;
  }

  start(): void {
    this.#started = true;
    this.#beginNext();
  }

  offer(decision: Decision & { target: Target }): Acceptance {
    try {
      return this.#offer(decision);
    } catch (error) {
      if (!isStillpointError(error, 'store')) throw error;
      const detail = `the journal cannot be written: ${error.message}`;
      return { kind: 'refused', reason: 'not-writable', detail };
    }
  }

  #offer(decision: Decision & { target: Target }): Acceptance {
    const joined = this.#join(decision);
    if (joined) return { kind: 'coalesced', trigger: joined };
    const refusal = this.#whyRefused();
    if (refusal) return { kind: 'refused', ...refusal };
    const trigger: Trigger = {
      id: this.#newId(),
      target: decision.target,
      acceptedMs: this.#options.clock.wallMs(),
      decisions: [decision],
    };
    this.journal.insert(trigger);
    this.#waiting.set(trigger.id, trigger);
    this.#beginNext();
    return { kind: 'accepted', trigger };
  }

  requeue(entry: JournalEntry): void {
    this.#waiting.set(entry.trigger.id, entry.trigger);
    this.#beginNext();
  }

  isUnderWay(rule: string): boolean {
    const isOfRule = (trigger: Trigger) => trigger.decisions.some((one) => one.rule === rule);
    if (this.#running && isOfRule(this.#running.trigger)) return true;
    return [...this.#waiting.values()].some(isOfRule);
  }

  trigger(id: string): Trigger | undefined {
    return this.#running?.trigger.id === id ? this.#running.trigger : this.#waiting.get(id);
  }

  cutOff(id: string, untilMs: number): Trigger | undefined {
    const running = this.#running;
    if (running?.trigger.id !== id) return undefined;
    const { decisions } = running.trigger;
    const isLate = (decision: Decision, index: number) => index > 0 && decision.atMs > untilMs;
    running.late = decisions.filter(isLate);
    if (running.late.length === 0) return running.trigger;
    const covered = decisions.filter((decision, index) => !isLate(decision, index));
    const trigger = { ...running.trigger, decisions: covered };
    running.trigger = trigger;
    this.#orTrouble(() => this.journal.update(trigger));
    return trigger;
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
    this.#beginNext();
  }

  /** Takes effect also where it cannot be written down. */
  #setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#orTrouble(() => writeSetting(this.#options.store, PAUSED, paused));
  }

  giveBack(triggerId: string): void {
    this.#orTrouble(() => this.#budget.giveBack(triggerId));
  }

  status() {
    return {
      waiting: this.#waiting.size,
      running: this.#running?.trigger,
      paused: this.#paused,
      usedThisHour: this.#budget.used(this.#options.clock.wallMs()),
    };
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const running = this.#running;
    if (!running) return;
    const cancel = this.#options.clock.after(graceMs, () => this.#abort.abort());
    await running.ended;
    cancel();
  }

  /** Adds the decision to a trigger of the same container that waits or runs. */
  #join(decision: Decision & { target: Target }): Trigger | undefined {
    const same = (trigger: Trigger) => trigger.target.containerId === decision.target.containerId;
    const running = this.#running && same(this.#running.trigger) ? this.#running : undefined;
    const open = running?.trigger ?? [...this.#waiting.values()].find(same);
    if (!open || open.decisions.length >= DECISIONS_MAX) return open;
    const trigger: Trigger = { ...open, decisions: [...open.decisions, decision] };
    this.journal.update(trigger);
    if (running) running.trigger = trigger;
    else this.#waiting.set(trigger.id, trigger);
    return trigger;
  }

  #whyRefused(): { reason: ReasonCode; detail: string } | undefined {
    const { capturesPerHourMax, waitingMax, clock } = this.#options;
    if (this.#stopping) return { reason: 'stopping', detail: 'no new capture begins' };
    if (this.#paused) return { reason: 'paused', detail: 'resume with `stillpoint resume`' };
    if (this.#waiting.size >= waitingMax) {
      return {
        reason: 'busy',
        detail: `${this.#waiting.size} triggers wait, at most ${waitingMax}`,
      };
    }
    const nowMs = clock.wallMs();
    const used = this.#budget.used(nowMs) + this.#waiting.size;
    if (used < capturesPerHourMax) return undefined;
    const freeAtMs = this.#budget.freeAgainAtMs(nowMs);
    const until =
      freeAtMs === undefined ? '' : `, free again at ${new Date(freeAtMs).toISOString()}`;
    return {
      reason: 'budget',
      detail: `${used} of ${capturesPerHourMax} an hour on this node${until}`,
    };
  }

  #offerAnew(decision: Decision & { target: Target }): void {
    const acceptance = this.offer(decision);
    this.#options.onOfferedAnew?.(decision, acceptance);
  }

  /** False when the store failed; that is told, and nothing else is lost by it. */
  #orTrouble(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!isStillpointError(error, 'store')) throw error;
      this.#options.onTrouble?.(error);
      return false;
    }
  }

  #newId(): string {
    const { clock, random } = this.#options;
    const chance = random.integer(0, 0xffffffff).toString(16).padStart(8, '0');
    return `${clock.wallMs().toString(36)}-${chance}`;
  }

  #beginNext(): void {
    if (!this.#started || this.#running || this.#paused || this.#stopping) return;
    const next = [...this.#waiting.values()].sort(compareUrgency)[0];
    if (!next) return;
    const { clock } = this.#options;
    if (!this.#orTrouble(() => this.#budget.noteStart(next.id, clock.wallMs()))) {
      clock.after(STORE_RETRY_MS, () => this.#beginNext());
      return;
    }
    this.#waiting.delete(next.id);
    const running: Running = { trigger: next, ended: Promise.resolve(), late: [] };
    this.#running = running;
    running.ended = this.#options
      .capture(next, this.#abort.signal)
      .then((result) => {
        if (result === 'not-begun') this.#orTrouble(() => this.#budget.giveBack(next.id));
      })
      .finally(() => {
        this.#running = undefined;
        for (const { target, ...late } of running.late) {
          if (target) this.#offerAnew({ ...late, target });
        }
        this.#beginNext();
      });
  }
}
