import { isObserved, type RulesCore } from '../core.ts';
import { ruleFingerprint } from '../fingerprint.ts';
import { takeBackFiring } from './firings.ts';
import { takeBackNodeFiring } from './node-memory-memo.ts';
import { type PodTable, renewCaches } from './pod-table.ts';
import { createQuietCounts, quietByRule } from './quiet.ts';
import type { RulesState } from './state.ts';

/**
 * Makes the state one for another set of rules, on a reload: what a restart would keep stays (see
 * restoreState), and the pods as they are known, and what was counted quietly, whose numbers only
 * grow.
 *
 * Changed in place, as step does, so that it costs what pods and changed rules there are, not what
 * is remembered: it happens between two signals and holds up the next one. A copy by way of JSON
 * took 0.1 s with 1,000 rules, and a second where they remembered 100,000 memos. Timers stay: one
 * whose memo is dropped is stale, as others are.
 */
export function carryState(from: RulesCore, to: RulesCore, state: RulesState): RulesState {
  const { dropped, freed } = comparedRules(from, to);
  for (const ruleId of [...state.cooldowns.keys()]) {
    if (!to.limits.has(ruleId) || freed.has(ruleId)) state.cooldowns.delete(ruleId);
  }
  for (const ruleId of [...state.budgets.keys()]) {
    if (!to.limits.get(ruleId)?.budget || freed.has(ruleId)) state.budgets.delete(ruleId);
  }
  carryMemos(state.pods, dropped, freed);
  for (const [ruleId, memo] of state.nodeMemory) {
    if (dropped.has(ruleId)) state.nodeMemory.delete(ruleId);
    else if (freed.has(ruleId)) takeBackNodeFiring(memo);
  }
  state.quiet = { ...createQuietCounts(), byRule: quietByRule(state.quiet) };
  return state;
}

/**
 * `dropped`: rules that are gone, disabled, or decide otherwise; their memos do not hold. `freed`:
 * they only observed, and enforce now; what they observed holds back no capture.
 */
function comparedRules(from: RulesCore, to: RulesCore) {
  const dropped = new Set<string>();
  const freed = new Set<string>();
  for (const rule of from.rules) {
    const next = to.byId.get(rule.id);
    if (!next || ruleFingerprint(next) !== ruleFingerprint(rule)) dropped.add(rule.id);
    if (next && isObserved(from, rule) && !isObserved(to, next)) freed.add(rule.id);
  }
  return { dropped, freed };
}

function carryMemos(
  pods: PodTable,
  dropped: ReadonlySet<string>,
  freed: ReadonlySet<string>,
): void {
  for (const { memos } of pods.byUid.values()) {
    for (const [container, ofContainer] of memos) {
      const gone = among(dropped, ofContainer);
      for (const ruleId of gone) ofContainer.delete(ruleId);
      for (const ruleId of among(freed, ofContainer)) {
        const memo = ofContainer.get(ruleId);
        if (memo) takeBackFiring(memo);
      }
      if (ofContainer.size === 0) memos.delete(container);
    }
  }
  renewCaches(pods);
}

/** The rules of the set that have a memo; looks through the smaller of both. */
function among(ids: ReadonlySet<string>, memos: ReadonlyMap<string, unknown>): string[] {
  if (ids.size <= memos.size) return [...ids].filter((id) => memos.has(id));
  return [...memos.keys()].filter((id) => ids.has(id));
}
