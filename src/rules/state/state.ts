import type { ReasonCode } from '../../signal/index.ts';
import { type Budgets, shiftBudgets } from './budgets.ts';
import { type Cooldowns, shiftCooldowns } from './cooldowns.ts';
import { dueOf, type Memo, shiftMemo } from './memo.ts';
import { type NodeMemoryMemos, shiftNodeMemory } from './node-memory-memo.ts';
import { createPodTable, type PodTable } from './pod-table.ts';
import { addQuiet, createQuietCounts, type QuietCounts } from './quiet.ts';
import { pushTimer, type Timers } from './timers.ts';

/**
 * All that the core remembers. It belongs to whoever made it and is handed to step, which changes
 * it in place and gives the same object back: keep one reference, and copy only by saveState and
 * restoreState.
 */
export interface RulesState {
  pods: PodTable;
  cooldowns: Cooldowns;
  budgets: Budgets;
  /** What rules on the memory of the node remember, by rule id. */
  nodeMemory: NodeMemoryMemos;
  timers: Timers;
  /** When the heap of timers grows beyond this, it is made anew without the stale ones. */
  timersMax: number;
  /** The latest time that was seen. */
  nowMs: number;
  /** What was suppressed without a decision. */
  quiet: QuietCounts;
}

const TIMERS_MIN = 1_024;
/** A clock that goes back by less is only corrected; time stands still until it has caught up. */
const CLOCK_BACK_MS = 1_000;

export function createRulesState(): RulesState {
  return {
    pods: createPodTable(),
    cooldowns: new Map(),
    budgets: new Map(),
    nodeMemory: new Map(),
    timers: [],
    timersMax: TIMERS_MIN,
    nowMs: Number.NEGATIVE_INFINITY,
    quiet: createQuietCounts(),
  };
}

/**
 * Takes the new time. When the wall clock was set back, every time that is remembered moves with
 * it: no cooldown gets longer, no window swallows the future.
 */
export function advanceTo(state: RulesState, nowMs: number): number {
  const backMs = state.nowMs - nowMs;
  if (backMs <= 0) {
    state.nowMs = nowMs;
  } else if (backMs > CLOCK_BACK_MS) {
    shiftCooldowns(state.cooldowns, -backMs);
    shiftBudgets(state.budgets, -backMs);
    shiftNodeMemory(state.nodeMemory, -backMs);
    forEachMemo(state, (memo) => shiftMemo(memo, -backMs));
    state.nowMs = nowMs;
    rebuildTimers(state);
  }
  return state.nowMs;
}

/** Makes the heap of timers from the memos. */
export function rebuildTimers(state: RulesState): void {
  state.timers.length = 0;
  forEachMemo(state, (memo, place) => {
    const dueMs = dueOf(memo);
    if (dueMs !== undefined) pushTimer(state.timers, { dueMs, ...place });
  });
  state.timersMax = Math.max(TIMERS_MIN, state.timers.length * 4);
}

/** Asks for a look at the memo at its due time. */
export function schedule(
  state: RulesState,
  dueMs: number,
  place: { podUid: string; container: string; rule: string },
): void {
  pushTimer(state.timers, { dueMs, ...place });
  if (state.timers.length > state.timersMax) rebuildTimers(state);
}

/** Counts what was suppressed without a decision. */
export function countQuiet(state: RulesState, rule: string, reason: ReasonCode): void {
  addQuiet(state.quiet, rule, reason);
}

function forEachMemo(
  state: RulesState,
  visit: (memo: Memo, place: { podUid: string; container: string; rule: string }) => void,
): void {
  for (const [podUid, entry] of state.pods.byUid) {
    for (const [container, memos] of entry.memos) {
      for (const [rule, memo] of memos) visit(memo, { podUid, container, rule });
    }
  }
}
