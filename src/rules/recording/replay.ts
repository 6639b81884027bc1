import { StillpointError, unreachable } from '../../base/index.ts';
import type { Signal } from '../../signal/index.ts';
import type { RulesCore } from '../core.ts';
import type { Decision } from '../decision.ts';
import {
  type ContainerExplanation,
  createWitness,
  type ExplainQuery,
  explain,
} from '../explain/index.ts';
import type { Rule } from '../rule.ts';
import { carryState } from '../state/carry.ts';
import { noteRefused } from '../state/firings.ts';
import { keepOnlyPods, restoreState } from '../state/snapshot.ts';
import type { RulesState } from '../state/state.ts';
import { step } from '../step.ts';
import type { RefusedEntry, SignalEntry, StateEntry } from './entry.ts';
import { type RecordedDecision, type RecordingEntry, recordedDecision } from './entry.ts';
import { createOwnTime, type OwnTime } from './own-time.ts';
import { compileRecorded, coreOf, snapshotOf } from './recorded-core.ts';

/** Where recorded and replayed decisions part. */
export interface Difference {
  atMs: number;
  /** Absent: the replay decided something that the agent did not. */
  recorded?: RecordedDecision;
  /** Absent: the replay did not decide what the agent did. */
  replayed?: RecordedDecision;
}

export interface ReplayResult {
  signals: number;
  /** When the first and the last entry were made; absent for an empty recording. */
  fromMs?: number;
  toMs?: number;
  decisions: readonly Decision[];
  /** Places where signals are missing: what follows is right again, what lay there is not known. */
  gaps: readonly { atMs: number; dropped: number }[];
  /** With the recorded rules: how many decisions are those of the agent, and which are not. */
  equal: number;
  differences: readonly Difference[];
  /** Decisions and differences beyond what is kept. */
  leftOut: number;
  /** Whether secrets were taken out before it was written. */
  redacted: boolean;
}

/** Decides a recording again. Entries go in in their order; the result can be asked at any time. */
export interface Replay {
  take(entry: RecordingEntry): void;
  result(): ReplayResult;
  /**
   * Why each rule did or did not fire, as it was at the end of what was taken. Errors: `bad-input`
   * before the first entry, `not-found`.
   */
  explain(query: ExplainQuery): ContainerExplanation[];
}

const KEPT_MAX = 100_000;

/**
 * With the recorded rules every state of the recording is taken as it is, so that the decisions are
 * those that the agent made. With `rules` of one's own only pods, signals and settings of the agent
 * are taken; their ticks and waits are made anew. Error: `bad-input` for an entry that does not fit.
 */
export function createReplay(rules?: readonly Rule[]): Replay {
  return new ReplayImpl(rules);
}

class ReplayImpl implements Replay {
  readonly #rules: readonly Rule[] | undefined;
  readonly #ownTime: OwnTime | undefined;
  readonly #witness = createWitness();
  #at: { core: RulesCore; state: RulesState; run: string; part: number } | undefined;
  #signals = 0;
  #fromMs: number | undefined;
  #toMs: number | undefined;
  #decisions: Decision[] = [];
  #gaps: { atMs: number; dropped: number }[] = [];
  #equal = 0;
  #differences: Difference[] = [];
  #leftOut = 0;
  #redacted = false;
  /** What fired in this replay, so that only such a firing is taken back. */
  readonly #fired = new Set<string>();

  constructor(rules: readonly Rule[] | undefined) {
    this.#rules = rules;
    this.#ownTime = rules && createOwnTime(rules);
  }

  take(entry: RecordingEntry): void {
    const atMs = entry.kind === 'state' ? entry.atMs : entry.nowMs;
    this.#fromMs ??= atMs;
    this.#toMs = Math.max(this.#toMs ?? atMs, atMs);
    if (this.#at)
      this.#ownTime?.advance(this.#at.state, atMs, (signal) => this.#decide(signal, signal.seenMs));
    switch (entry.kind) {
      case 'state':
        this.#takeState(entry);
        return;
      case 'signal':
        this.#takeSignal(entry);
        return;
      case 'refused':
        this.#takeRefused(entry);
        return;
      case 'pods':
        if (this.#at) keepOnlyPods(this.#at.state, new Set(entry.uids));
        return;
      default:
        unreachable(entry, 'replay');
    }
  }

  explain(query: ExplainQuery): ContainerExplanation[] {
    if (!this.#at) throw new StillpointError({ code: 'bad-input', message: 'nothing is recorded' });
    const { core, state } = this.#at;
    return explain({ core, state, witness: this.#witness, nowMs: this.#toMs ?? 0 }, query);
  }

  result(): ReplayResult {
    return {
      signals: this.#signals,
      ...(this.#fromMs === undefined ? {} : { fromMs: this.#fromMs, toMs: this.#toMs }),
      decisions: this.#decisions,
      gaps: this.#gaps,
      equal: this.#equal,
      differences: this.#differences,
      leftOut: this.#leftOut,
      redacted: this.#redacted,
    };
  }

  #takeState(entry: StateEntry): void {
    const { run, part } = entry;
    this.#redacted ||= entry.redacted;
    const follows = this.#at?.run === run && (part === this.#at.part || part === this.#at.part + 1);
    const isMissing = entry.cause !== 'begin' && this.#at?.run === run && !follows;
    const isGap = entry.dropped > 0 || isMissing;
    if (isGap) this.#gaps.push({ atMs: entry.atMs, dropped: entry.dropped });
    const core = coreOf(this.#rules ?? compileRecorded(entry), entry);
    // Rules of one's own keep what they remember, unless something is missing in between.
    const before = this.#rules && follows && !isGap ? this.#at : undefined;
    const state = before
      ? carryState(before.core, core, before.state)
      : restoreState(core, snapshotOf(entry));
    this.#at = { core, state, run, part };
    this.#ownTime?.begin(entry.atMs);
  }

  #takeSignal({ signal, nowMs, decisions: recorded = [] }: SignalEntry): void {
    this.#signals++;
    // Of one's own rules neither the recorded waits nor the recorded ticks are those that count.
    if (this.#ownTime && (signal.kind === 'wake' || signal.kind === 'tick')) return;
    const made = this.#decide(signal, nowMs);
    if (!this.#ownTime) this.#compare(recorded, made.map(recordedDecision), nowMs);
  }

  #decide(signal: Signal, nowMs: number): Decision[] {
    if (!this.#at) return [];
    const { decisions } = step(this.#at.core, this.#at.state, signal, nowMs);
    this.#witness.signal(signal);
    for (const decision of decisions) {
      this.#witness.decision(decision);
      if (decision.verdict === 'fire') this.#fired.add(firingKey(decision.rule, decision.target));
      if (this.#decisions.length < KEPT_MAX) this.#decisions.push(decision);
      else this.#leftOut++;
    }
    return decisions;
  }

  #takeRefused({ rule, target, owner, reason, nowMs }: RefusedEntry): void {
    if (!this.#at) return;
    if (this.#rules && !this.#fired.has(firingKey(rule, target))) return;
    noteRefused(this.#at.core, this.#at.state, { rule, target, owner, reason }, nowMs);
  }

  #compare(
    recorded: readonly RecordedDecision[],
    replayed: readonly RecordedDecision[],
    atMs: number,
  ): void {
    const count = Math.max(recorded.length, replayed.length);
    for (let index = 0; index < count; index++) {
      const one = { recorded: recorded[index], replayed: replayed[index] };
      if (one.recorded && one.replayed && isSame(one.recorded, one.replayed)) this.#equal++;
      else if (this.#differences.length < KEPT_MAX) this.#differences.push({ atMs, ...one });
      else this.#leftOut++;
    }
  }
}

function firingKey(rule: string, target: Decision['target']): string {
  return `${rule} ${target?.containerId ?? ''}`;
}

function isSame(a: RecordedDecision, b: RecordedDecision): boolean {
  return (
    a.verdict === b.verdict &&
    a.reason === b.reason &&
    a.detail === b.detail &&
    a.rule === b.rule &&
    a.atMs === b.atMs &&
    a.target === b.target
  );
}
