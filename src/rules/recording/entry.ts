import type { Owner, ReasonCode, Signal, Target } from '../../signal/index.ts';
import type { RulesCore } from '../core.ts';
import type { Decision } from '../decision.ts';
import type { RedactorOptions } from '../redact.ts';
import { type RulesSnapshot, saveState } from '../state/snapshot.ts';
import type { RulesState } from '../state/state.ts';
import { redactSignal, redactText } from './redact-signal.ts';

/** The shape of recordings that is written; others are refused at reading. */
export const RECORDING_VERSION = 1;

/** A rule document as it was parsed, so that a replay can compile it again. */
export interface RecordedRule {
  file: string;
  value: Readonly<Record<string, unknown>>;
}

/** Why a recording tells the whole state again. */
export type StateCause = 'begin' | 'rotated' | 'rules' | 'mode' | 'after-gap';

/**
 * Everything that decides from here on. The first line of each file is one, and one stands
 * wherever something else than a signal changed what decides.
 */
export interface StateEntry {
  kind: 'state';
  version: typeof RECORDING_VERSION;
  cause: StateCause;
  atMs: number;
  /** Files of one run of the agent, in order: a replay sees whether one is missing. */
  run: string;
  part: number;
  /** Signals that are missing right before this entry. */
  dropped: number;
  /** Whether secrets were taken out of the signals. */
  redacted: boolean;
  /** RulesOptions but the redactor, whose own options are in `redact`. */
  options: Readonly<Record<string, unknown>>;
  redact: RedactorOptions;
  rules: readonly RecordedRule[];
  snapshot: RulesSnapshot;
}

/** What of a decision must come out equal in a replay. */
export interface RecordedDecision {
  verdict: Decision['verdict'];
  reason: ReasonCode;
  detail: string;
  rule: string;
  atMs: number;
  /** `namespace/pod/container containerId`; absent when none was resolved. */
  target?: string;
}

/** A signal, when the core took it, and what the agent decided. */
export interface SignalEntry {
  kind: 'signal';
  nowMs: number;
  signal: Signal;
  decisions?: readonly RecordedDecision[];
}

/** A firing that nothing came of: the rule may try again sooner (noteRefused). */
export interface RefusedEntry {
  kind: 'refused';
  nowMs: number;
  rule: string;
  target: Target;
  owner?: Owner;
  reason: ReasonCode;
}

/** The first list of pods was complete: others are forgotten (keepOnlyPods). */
export interface PodsEntry {
  kind: 'pods';
  nowMs: number;
  uids: readonly string[];
}

/** One line of a recording. */
export type RecordingEntry = StateEntry | SignalEntry | RefusedEntry | PodsEntry;

export interface StateOf {
  cause: StateCause;
  atMs: number;
  run: string;
  part: number;
  dropped: number;
  redacted: boolean;
  redact: RedactorOptions;
  rules: readonly RecordedRule[];
}

/** The entry for what decides now. It shares parts with the state: make text of it at once. */
export function stateEntry(core: RulesCore, state: RulesState, more: StateOf): StateEntry {
  const { redactor, ...options } = core.options;
  const snapshot = saveState(core, state);
  // The snapshot leaves annotations out; conditions may look at them.
  const pods = snapshot.pods.map((pod) => {
    const annotations = state.pods.byUid.get(pod.fact.uid)?.fact.annotations ?? {};
    const kept = more.redacted ? redactText(annotations, redactor) : annotations;
    return { ...pod, fact: { ...pod.fact, annotations: kept } };
  });
  return {
    kind: 'state',
    version: RECORDING_VERSION,
    ...more,
    options,
    snapshot: { ...snapshot, pods },
  };
}

/** The entry for a signal and the decisions that it led to. */
export function signalEntry(
  core: RulesCore,
  { signal, nowMs, redacted }: { signal: Signal; nowMs: number; redacted: boolean },
  decisions: readonly Decision[],
): SignalEntry {
  return {
    kind: 'signal',
    nowMs,
    signal: redacted ? redactSignal(signal, core.options.redactor) : signal,
    ...(decisions.length === 0 ? {} : { decisions: decisions.map(recordedDecision) }),
  };
}

export function recordedDecision(decision: Decision): RecordedDecision {
  const { verdict, reason, detail, rule, atMs, target } = decision;
  return {
    verdict,
    reason,
    detail,
    rule,
    atMs,
    ...(target === undefined
      ? {}
      : {
          target: `${target.namespace}/${target.pod}/${target.container} ${target.containerId}`,
        }),
  };
}
