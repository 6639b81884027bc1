import type { Owner, ReasonCode, Target } from '../../signal/index.ts';
import type { RulesCore } from '../core.ts';
import { type Limited, noteSpent, takeBackLimits } from '../limits.ts';
import { ownerOf } from '../scope.ts';
import type { Memo } from './memo.ts';
import { takeBackNodeFiring } from './node-memory-memo.ts';
import { memoOf } from './pod-table.ts';
import type { RulesState } from './state.ts';

/** A firing that dispatch, journal or capture tells of. */
export interface Fired {
  rule: string;
  target: Target;
  /** Of its decision; a pod that is still here is asked where it is missing. */
  owner?: Owner;
}

/**
 * Notes a firing that a journal knows of and the snapshot may not: it counts against the limits of
 * its rule, and only once. Of a rule that is gone: no effect.
 */
export function noteFired(
  core: RulesCore,
  state: RulesState,
  fired: Fired & { atMs: number },
): void {
  const one = limitedOf(core, state, fired);
  if (one) noteSpent(state, one, fired.atMs);
}

/**
 * Refusals that half a minute does not cure. The rule is tried again when its own cooldown is over:
 * every 30 s it would fill journal and log with the same words for days.
 */
const LASTING: ReadonlySet<ReasonCode> = new Set([
  'denied',
  'freeze-too-long',
  'name-too-long',
  'probe-budget',
  'uncapturable',
]);

/**
 * Takes a firing back that led to no capture because a guard or dispatch refused it: once-a-life
 * does not count it, its budget is given back, and the rule cools down for 30 s at most, unless the
 * reason is a lasting one. Without this a container that was refused once, for a disk that was low
 * for a minute, would not be captured before its next life.
 */
export function noteRefused(
  core: RulesCore,
  state: RulesState,
  refused: Fired & { reason: ReasonCode },
  nowMs: number,
): void {
  const one = limitedOf(core, state, refused);
  if (!one) return;
  const { target } = refused;
  takeBackLimits(state, one, { nowMs, isLasting: LASTING.has(refused.reason) });
  // Nothing would space the tries.
  if (one.limits.cooldown.forMs === 0) return;
  const ofNode = state.nodeMemory.get(one.rule);
  if (ofNode) takeBackNodeFiring(ofNode, target.containerId);
  const entry = state.pods.byUid.get(target.podUid);
  const memo = entry && memoOf(entry, target.container, one.rule);
  const isOfLife = memo?.kind === 'memory' || memo?.kind === 'probe';
  if (isOfLife && memo.containerId === target.containerId) takeBackFiring(memo);
}

/** What was a firing is none any more: the life may fire again. */
export function takeBackFiring(memo: Memo): void {
  if (memo.kind !== 'memory' && memo.kind !== 'probe') return;
  if (memo.kind === 'memory') memo.firedMs = undefined;
  memo.reported = undefined;
}

function limitedOf(
  core: RulesCore,
  state: RulesState,
  { rule, target, owner }: Fired,
): Limited | undefined {
  const limits = core.limits.get(rule);
  const pod = state.pods.byUid.get(target.podUid)?.fact;
  return limits && { rule, limits, target, owner: owner ?? (pod && ownerOf(pod)) };
}
