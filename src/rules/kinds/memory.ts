import { formatDuration, formatPercent } from '../../base/index.ts';
import { isRunning, type MemorySignal, type PodFact, type ReasonCode } from '../../signal/index.ts';
import { memoryRulesOf } from '../core.ts';
import {
  type Case,
  type Finding,
  fire,
  formatTime,
  judgeLimits,
  judgeTarget,
  judgeWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { RuleOf } from '../rule.ts';
import type { MemoryMemo } from '../state/memo.ts';
import { memoOf, type PodEntry, setMemo } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet, schedule } from '../state/state.ts';
import { summarize } from '../summary.ts';
import { part, type TrailPart } from '../trail.ts';
import { newFailure } from './crash-loop.ts';
import { sequenceOnMemory } from './sequence.ts';

/**
 * Memory of one container at one moment. A rule fires once a life, or again after memory fell under
 * the share that re-arms it. A life gives one decision for each change of the reason, however often
 * it is sampled and crosses the line.
 */
export function stepMemory(step: Step, signal: MemorySignal): void {
  const entry = step.state.pods.byUid.get(signal.target.podUid);
  const container = entry?.fact.containers.find(({ name }) => name === signal.target.container);
  // A sample of a life that is over, or of a pod that is not known yet, says nothing.
  if (!entry || !container || container.containerId !== signal.target.containerId) return;
  if (step.core.sequences.byKind.memory.length > 0) {
    sequenceOnMemory(step, entry, container, signal);
  }
  for (const rule of memoryRulesOf(step.core, entry, container)) {
    const one = { rule, entry, container };
    const memo = lifeMemo(one);
    const isAbove = signal.usedRatio >= rule.when.above;
    if (!isAbove && !isFilling(rule, signal)) {
      countQuiet(step.state, rule.id, 'no-match');
      if (memo) setBelow(memo, signal.usedRatio < (rule.when.rearmBelow ?? 0));
      continue;
    }
    if (rule.where && !isMeant(step, one, memo, signal)) continue;
    const held = memo ?? createMemo(one);
    held.aboveSinceMs = isAbove ? (held.aboveSinceMs ?? step.nowMs) : undefined;
    held.sample = signal;
    judge(step, one, held, signal);
  }
}

/** Whether `where` holds for the sample; that it cannot be evaluated is told once a life. */
function isMeant(
  step: Step,
  one: MemoryCase,
  known: MemoryMemo | undefined,
  sample: MemorySignal,
): boolean {
  const finding = judgeWhere(step, one, sample);
  if (!finding) return true;
  countQuiet(step.state, one.rule.id, finding.reason);
  if (known) setBelow(known, false);
  if (finding.reason === 'where-false' || known?.reported === finding.reason) return false;
  const memo = known ?? createMemo(one);
  memo.reported = finding.reason;
  const when = conditionParts(step, one, memo, sample);
  const signal = summarize(sample, step.core.options.redactor);
  suppress(step, one.rule, finding, { target: targetOf(one), when, signal });
  return false;
}

/** The time that a memo waited for has come: judges its newest sample again. */
export function wakeMemory(step: Step, one: Case, rule: RuleOf<'memory'>): void {
  const memo = lifeMemo(one);
  if (!memo) return;
  memo.dueMs = undefined;
  if (memo.sample && isRunning(one.container)) judge(step, { ...one, rule }, memo, memo.sample);
}

/**
 * A container that no memory rule selects is not sampled; that one would have been of use shows
 * when the kernel has killed it.
 */
export function countUnselectedOom(step: Step, entry: PodEntry, before: PodFact | undefined): void {
  if (step.core.memory.length === 0) return;
  for (const container of entry.fact.containers) {
    if (newFailure(container, before)?.end.reason !== 'OOMKilled') continue;
    const selecting = memoryRulesOf(step.core, entry, container);
    addQuietOthers(step.state.quiet, step.core.memory, selecting, 'not-selected');
  }
}

/** The pod changed: a life that is over is forgotten. */
export function forgetEndedLife(one: Case): void {
  const memo = memoOf(one.entry, one.container.name, one.rule.id);
  const isOfLife = memo?.kind === 'memory' || memo?.kind === 'probe';
  if (!isOfLife || memo.containerId === one.container.containerId) return;
  one.entry.memos.get(one.container.name)?.delete(one.rule.id);
}

type MemoryCase = Case & { rule: RuleOf<'memory'> };

function judge(step: Step, one: MemoryCase, memo: MemoryMemo, sample: MemorySignal): void {
  const finding = judgeTarget(step.core, one) ?? judgeLife(step, one, memo, sample);
  if (finding) {
    // While it stays above after the fire there is nothing new to say.
    const isSame = HAS_FIRED.has(finding.reason) && memo.reported === 'fired';
    if (memo.reported === finding.reason || isSame) return;
    memo.reported = finding.reason;
    suppress(step, one.rule, finding, {
      target: targetOf(one),
      when: conditionParts(step, one, memo, sample),
      signal: summarize(sample, step.core.options.redactor),
    });
    return;
  }
  const when = conditionParts(step, one, memo, sample);
  memo.firedMs = step.nowMs;
  memo.reported = 'fired';
  memo.dueMs = undefined;
  fire(step, one, {
    detail: describe(one.rule, sample),
    when,
    signal: summarize(sample, step.core.options.redactor),
    deathExpectedAtMs: sample.fullInMs === undefined ? undefined : step.nowMs + sample.fullInMs,
  });
}

function conditionParts(
  step: Step,
  { rule }: MemoryCase,
  { aboveSinceMs = step.nowMs, firedMs }: MemoryMemo,
  sample: MemorySignal,
): TrailPart[] {
  const { above, forMs, rearmBelow } = rule.when;
  const saw = formatPercent(sample.usedRatio);
  const isFull = isFilling(rule, sample);
  const parts = isFull
    ? fillingParts(rule, sample)
    : [part('when.memory.above', sample.usedRatio >= above, saw, `>= ${formatPercent(above)}`)];
  const heldMs = step.nowMs - aboveSinceMs;
  if (forMs > 0 && !isFull) {
    const saw = formatDuration(heldMs);
    parts.push(part('when.memory.for', heldMs >= forMs, saw, formatDuration(forMs)));
  }
  if (firedMs !== undefined && rearmBelow !== undefined) {
    const fired = `fired at ${formatTime(firedMs)}, not below since`;
    parts.push(part('when.memory.below', false, fired, `< ${formatPercent(rearmBelow)}`));
  } else if (firedMs !== undefined) {
    parts.push(part('once a life', false, `fired at ${formatTime(firedMs)}`));
  }
  return parts;
}

function fillingParts({ when: { filling } }: RuleOf<'memory'>, sample: MemorySignal): TrailPart[] {
  if (!filling || sample.fullInMs === undefined) return [];
  const { withinMs, floor } = filling;
  const used = formatPercent(sample.usedRatio);
  const inMs = formatDuration(Math.round(sample.fullInMs));
  return [
    part('when.memory.orFullWithin', true, `full in ${inMs}`, `<= ${formatDuration(withinMs)}`),
    part('when.memory.floor', true, used, `>= ${formatPercent(floor)}`),
  ];
}

const HAS_FIRED: ReadonlySet<ReasonCode> = new Set(['once-a-life', 'not-rearmed']);

/** Window, once a life, cooldown: in that order. A finding that time cures sets a timer. */
function judgeLife(
  step: Step,
  one: MemoryCase,
  memo: MemoryMemo,
  sample: MemorySignal,
): Finding | undefined {
  const heldMs = step.nowMs - (memo.aboveSinceMs ?? step.nowMs);
  const { forMs, rearmBelow } = one.rule.when;
  // What is full in a moment cannot wait until it has lasted.
  if (heldMs < forMs && !isFilling(one.rule, sample)) {
    waitUntil(step, one, memo, step.nowMs - heldMs + forMs);
    const detail = `above for ${formatDuration(heldMs)} of ${formatDuration(forMs)}`;
    return { reason: 'window-open', detail };
  }
  if (memo.firedMs !== undefined && rearmBelow !== undefined) {
    return { reason: 'not-rearmed', detail: `fires again after < ${formatPercent(rearmBelow)}` };
  }
  if (memo.firedMs !== undefined) {
    return { reason: 'once-a-life', detail: 'fires again in its next life' };
  }
  const cooling = judgeLimits(step, one);
  if (cooling) waitUntil(step, one, memo, cooling.untilMs);
  return cooling;
}

function waitUntil(step: Step, one: MemoryCase, memo: MemoryMemo, dueMs: number): void {
  if (memo.dueMs === dueMs) return;
  memo.dueMs = dueMs;
  const podUid = one.entry.fact.uid;
  schedule(step.state, dueMs, { podUid, container: one.container.name, rule: one.rule.id });
}

/** Whether the limit is reached so soon that the rule does not wait for its share. */
function isFilling({ when }: RuleOf<'memory'>, { usedRatio, fullInMs }: MemorySignal): boolean {
  const { filling } = when;
  if (!filling || fullInMs === undefined) return false;
  return fullInMs <= filling.withinMs && usedRatio >= filling.floor;
}

function describe(rule: RuleOf<'memory'>, sample: MemorySignal): string {
  const { when } = rule;
  const { usedRatio, fullInMs } = sample;
  const used = formatPercent(usedRatio);
  if (when.filling && fullInMs !== undefined && isFilling(rule, sample)) {
    const { withinMs, floor } = when.filling;
    const soon = `full in ${formatDuration(Math.round(fullInMs))} <= ${formatDuration(withinMs)}`;
    return `${soon} at ${used} >= ${formatPercent(floor)}`;
  }
  const lasting = when.forMs > 0 ? ` for ${formatDuration(when.forMs)}` : '';
  return `${used} >= ${formatPercent(when.above)}${lasting}`;
}

/** The memo of this life; one of a former life counts as none. */
function lifeMemo(one: Case): MemoryMemo | undefined {
  const memo = memoOf(one.entry, one.container.name, one.rule.id);
  const isOfLife = memo?.kind === 'memory' && memo.containerId === one.container.containerId;
  return isOfLife ? memo : undefined;
}

function createMemo(one: Case): MemoryMemo {
  const memo: MemoryMemo = { kind: 'memory', containerId: one.container.containerId ?? '' };
  setMemo(one.entry, one.container.name, one.rule.id, memo);
  return memo;
}

/** Memory is below, or nobody looks at it any more: what was waited for is over. */
export function setBelow(memo: MemoryMemo, isRearmed: boolean): void {
  if (isRearmed && memo.firedMs !== undefined) {
    memo.firedMs = undefined;
    memo.reported = undefined;
  }
  if (!memo.sample) return;
  memo.aboveSinceMs = undefined;
  // All else stays said for this life: a value that flaps must not flood.
  if (memo.reported === 'fired') memo.reported = undefined;
  memo.dueMs = undefined;
  memo.sample = undefined;
}
