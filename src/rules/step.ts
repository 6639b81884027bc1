import { unreachable } from '../base/index.ts';
import type { PodChangedSignal, Signal } from '../signal/index.ts';
import { isOf, type RulesCore, reachesPod } from './core.ts';
import type { Decision } from './decision.ts';
import { beginStep, type Step } from './judge.ts';
import { stepAlert } from './kinds/alert.ts';
import { stepAnnotation } from './kinds/annotation.ts';
import { stepCrashLoop, wakeCrashLoop } from './kinds/crash-loop.ts';
import { stepEvent } from './kinds/event.ts';
import {
  countUnselectedOom,
  forgetEndedLife,
  setBelow,
  stepMemory,
  wakeMemory,
} from './kinds/memory.ts';
import { stepNodeMemory } from './kinds/node-memory.ts';
import { stepProbe } from './kinds/probe.ts';
import { stepRequest } from './kinds/request.ts';
import { sequenceOnPod } from './kinds/sequence.ts';
import { stepTerminating } from './kinds/terminating.ts';
import { stepTick } from './kinds/tick.ts';
import { selectsContainer } from './select.ts';
import { dueOf, type Memo } from './state/memo.ts';
import { memoOf, putPod, removePod } from './state/pod-table.ts';
import type { RulesState } from './state/state.ts';
import { popTimer } from './state/timers.ts';

export interface StepResult {
  /** The state that was handed in, changed in place. */
  state: RulesState;
  /**
   * In the order of the rules; of one rule first what the signal led to, then what was due, the
   * earliest first. Nothing for a signal that no rule wants.
   */
  decisions: Decision[];
  /** When to call again with a wake signal if nothing comes before; absent = no need. */
  wakeAtMs?: number;
}

/**
 * Takes one signal at one time and says what the rules make of it. Pure but for the state, which
 * it changes in place; the same signals at the same times give the same decisions. Never throws
 * on a signal's content. Whatever has fallen due by `nowMs` is decided too, wake or not.
 *
 * The checks, in order: condition, target, selector, deny list, running, window, once a life,
 * cooldown, mode. A signal whose condition does not hold, or that the rule does not select, is
 * counted in `state.quiet` and gives no decision.
 */
export function step(
  core: RulesCore,
  state: RulesState,
  signal: Signal,
  nowMs: number,
): StepResult {
  const under = beginStep(core, state, signal, nowMs);
  take(under, signal);
  runDue(under);
  const decisions = inOrder(core, under.decisions);
  return { state, decisions, wakeAtMs: state.timers[0]?.dueMs };
}

/** What no rule of the set decided, a person's request, goes first. */
function inOrder({ places }: RulesCore, decisions: Decision[]): Decision[] {
  if (decisions.length < 2) return decisions;
  const place = ({ rule }: Decision) => places.get(rule) ?? -1;
  return decisions.sort((one, other) => place(one) - place(other));
}

function take(under: Step, signal: Signal): void {
  switch (signal.kind) {
    case 'podChanged':
      stepPod(under, signal);
      break;
    case 'podGone':
      removePod(under.state.pods, signal.uid);
      break;
    case 'event':
      stepEvent(under, signal);
      break;
    case 'memory':
      stepMemory(under, signal);
      break;
    case 'nodeMemory':
      stepNodeMemory(under, signal);
      break;
    case 'probe':
      stepProbe(under, signal);
      break;
    case 'alert':
      stepAlert(under, signal);
      break;
    case 'tick':
      stepTick(under, signal);
      break;
    case 'request':
      stepRequest(under, signal);
      break;
    case 'wake':
      break;
    default:
      unreachable(signal, 'step');
  }
}

function stepPod(under: Step, { pod, initial }: PodChangedSignal): void {
  const { entry, before } = putPod(under.state.pods, pod);
  for (const container of pod.containers) {
    for (const ruleId of entry.memos.get(container.name)?.keys() ?? []) {
      const rule = under.core.byId.get(ruleId);
      if (!rule) continue;
      forgetEndedLife({ rule, entry, container });
      const isReached = reachesPod(entry, rule) && selectsContainer(rule.target, container);
      if (!isReached) letGo(memoOf(entry, container.name, ruleId));
    }
  }
  if (!initial) countUnselectedOom(under, entry, before);
  stepCrashLoop(under, entry, before, initial);
  if (!initial && under.core.sequences.byKind.crash.length > 0) {
    sequenceOnPod(under, entry, before);
  }
  if (under.core.annotation.length > 0) stepAnnotation(under, entry, before, initial);
  stepTerminating(under, entry, before);
}

/** The rule does not reach the container any more: what it waits for must not be captured. */
function letGo(memo: Memo | undefined): void {
  if (memo?.kind === 'memory') setBelow(memo, false);
  else if (memo?.kind === 'crashLoop') memo.arm = undefined;
}

/** Looks at every memo whose time has come. A timer that its memo no longer names is stale. */
function runDue(under: Step): void {
  const { core, state, nowMs } = under;
  for (let next = state.timers[0]; next; next = state.timers[0]) {
    const entry = state.pods.byUid.get(next.podUid);
    const memo = entry && memoOf(entry, next.container, next.rule);
    const isStale = !memo || dueOf(memo) !== next.dueMs;
    if (!isStale && next.dueMs > nowMs) return;
    popTimer(state.timers);
    if (isStale || !entry) continue;
    const rule = core.byId.get(next.rule);
    const { container: containerName } = next;
    const container = entry.fact.containers.find(({ name }) => name === containerName);
    if (!rule || !container) continue;
    const one = { rule, entry, container };
    if (isOf('memory')(rule)) wakeMemory(under, one, rule);
    else if (isOf('crashLoop')(rule)) wakeCrashLoop(under, one, rule);
  }
}
