import type { Cancel, Clock } from '../base/index.ts';
import type { Acceptance } from '../dispatch/index.ts';
import {
  type Decision,
  type RulesCore,
  type RulesState,
  type StateCause,
  step,
} from '../rules/index.ts';
import type { Signal, Target } from '../signal/index.ts';
import { type Facts, tellAcceptance } from './facts.ts';
import type { Recorder } from './recorder.ts';

/** A decision, and what dispatch made of it where the rules wanted a capture. */
export interface Taken {
  decision: Decision;
  acceptance?: Acceptance;
}

export interface IntakeOptions {
  clock: Clock;
  facts: Facts;
  core: RulesCore;
  state: RulesState;
  offer(decision: Decision & { target: Target }): Acceptance;
  /** A wake that failed by a mistake of ours: a timer has nobody else to tell. */
  onMistake(error: unknown): void;
  recorder?: Recorder;
  /** Told after a pod came, changed or went. */
  onPods(): void;
}

/** Where all signals come in: the rules core is stepped here and nowhere else. */
export interface Intake {
  take(signal: Signal): readonly Taken[];
  /** A new set of rules, or another mode, with the state that belongs to it. */
  replace(core: RulesCore, state: RulesState, cause: StateCause): void;
  core(): RulesCore;
  state(): RulesState;
  /** Wakes the rules no more; what is brought after that is still decided. */
  stop(): void;
}

/** A wake later than this is asked for again: the wall clock may be set meanwhile. */
const WAKE_MS_MAX = 60_000;

export function createIntake(options: IntakeOptions): Intake {
  const { clock, facts, offer, onPods, onMistake, recorder } = options;
  let { core, state } = options;
  let cancelWake: Cancel = () => undefined;
  let stopped = false;

  const decide = (decision: Decision): Taken => {
    facts.tell({ kind: 'decision', decision });
    if (decision.verdict !== 'fire' || decision.target === undefined) return { decision };
    const acceptance = offer({ ...decision, target: decision.target });
    tellAcceptance(facts, decision, acceptance);
    return { decision, acceptance };
  };

  const wakeAt = (wakeAtMs: number | undefined) => {
    cancelWake();
    cancelWake = () => undefined;
    if (wakeAtMs === undefined || stopped) return;
    const waitMs = Math.min(Math.max(0, wakeAtMs - clock.wallMs()), WAKE_MS_MAX);
    cancelWake = clock.after(waitMs, () => {
      const nowMs = clock.wallMs();
      try {
        take({ kind: 'wake', occurredMs: nowMs, seenMs: nowMs });
      } catch (error) {
        onMistake(error);
      }
    });
  };

  const take = (signal: Signal): readonly Taken[] => {
    // The decision comes before everyone who only wants to know of the signal.
    const nowMs = clock.wallMs();
    const { decisions, wakeAtMs } = step(core, state, signal, nowMs);
    // Before what dispatch makes of the decisions: it may take one back at once.
    recorder?.signal(core, signal, nowMs, decisions);
    const taken = decisions.map(decide);
    wakeAt(wakeAtMs);
    facts.tell({ kind: 'signal', signal });
    if (signal.kind === 'podChanged' || signal.kind === 'podGone') onPods();
    return taken;
  };

  return {
    take,
    replace(nextCore, nextState, cause) {
      core = nextCore;
      state = nextState;
      recorder?.state(cause, core, state);
      const nowMs = clock.wallMs();
      take({ kind: 'wake', occurredMs: nowMs, seenMs: nowMs });
      onPods();
    },
    core: () => core,
    state: () => state,
    stop() {
      stopped = true;
      cancelWake();
    },
  };
}
