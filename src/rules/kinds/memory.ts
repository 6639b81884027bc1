import { formatDuration, formatPercent } from '../../base/index.ts';
import { isRunning, type MemorySignal, type PodFact } from '../../signal/index.ts';
import { memoryRulesOf } from '../core.ts';
import {
  type Case,
  type Finding,
  fire,
  formatTime,
  judgeCooldown,
  judgeTarget,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { MemoryMemo } from '../memo.ts';
import { memoOf, type PodEntry, setMemo } from '../pod-table.ts';
import type { Rule, RuleOf } from '../rule.ts';
import { countQuiet, schedule } from '../state.ts';
import { summarize } from '../summary.ts';
import { part, type TrailPart } from '../trail.ts';
import { newFailure } from './crash-loop.ts';

/**
 * Memory of one container at one moment. A rule fires once a life. A life gives one decision for
 * each change of the reason, however often it is sampled and crosses the line.
 */
export function stepMemory(step: Step, signal: MemorySignal): void {
  const entry = step.state.pods.byUid.get(signal.target.podUid);
  const container = entry?.fact.containers.find(({ name }) => name === signal.target.container);
  // A sample of a life that is over, or of a pod that is not known yet, says nothing.
  if (!entry || !container || container.containerId !== signal.target.containerId) return;
  for (const rule of memoryRulesOf(step.core, entry, container)) {
    const one = { rule, entry, container };
    const memo = lifeMemo(one);
    if (signal.usedRatio < rule.when.above) {
      countQuiet(step.state, rule.id, 'no-match');
      if (memo?.aboveSinceMs !== undefined) setBelow(memo);
      continue;
    }
    const above = memo ?? createMemo(one);
    above.aboveSinceMs ??= step.nowMs;
    above.sample = signal;
    judge(step, one, above);
  }
}

/** The time that a memo waited for has come: judges its newest sample again. */
export function wakeMemory(step: Step, one: Case, rule: RuleOf<'memory'>): void {
  const memo = lifeMemo(one);
  if (!memo || !isRunning(one.container)) return;
  memo.dueMs = undefined;
  if (memo.aboveSinceMs !== undefined) judge(step, { ...one, rule }, memo);
}

/**
 * A container that no memory rule selects is not sampled; that one would have been of use shows
 * when the kernel has killed it.
 */
export function countUnselectedOom(step: Step, entry: PodEntry, before: PodFact | undefined): void {
  if (step.core.memory.length === 0) return;
  for (const container of entry.fact.containers) {
    if (newFailure(container, before)?.end.reason !== 'OOMKilled') continue;
    const selecting: readonly Rule[] = memoryRulesOf(step.core, entry, container);
    for (const rule of step.core.memory) {
      if (!selecting.includes(rule)) countQuiet(step.state, rule.id, 'not-selected');
    }
  }
}

/** The pod changed: a life that is over is forgotten. */
export function forgetEndedLife(one: Case): void {
  const memo = memoOf(one.entry, one.container.name, one.rule.id);
  if (memo?.kind !== 'memory' || memo.containerId === one.container.containerId) return;
  one.entry.memos.get(one.container.name)?.delete(one.rule.id);
}

type MemoryCase = Case & { rule: RuleOf<'memory'> };

function judge(step: Step, one: MemoryCase, memo: MemoryMemo): void {
  const { above, forMs } = one.rule.when;
  const { sample, aboveSinceMs } = memo;
  if (!sample || aboveSinceMs === undefined) return;
  const finding = judgeTarget(step.core, one) ?? judgeLife(step, one, memo);
  if (finding) {
    // While it stays above after the fire there is nothing new to say.
    const isSame = finding.reason === 'once-a-life' && memo.reported === 'fired';
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
  const lasting = forMs > 0 ? ` for ${formatDuration(forMs)}` : '';
  fire(step, one, {
    detail: `${formatPercent(sample.usedRatio)} >= ${formatPercent(above)}${lasting}`,
    when,
    signal: summarize(sample, step.core.options.redactor),
    deathExpectedAtMs: sample.fullInMs === undefined ? undefined : step.nowMs + sample.fullInMs,
  });
}

function conditionParts(
  step: Step,
  { rule }: MemoryCase,
  { aboveSinceMs = step.nowMs, firedMs }: MemoryMemo,
  { usedRatio }: MemorySignal,
): TrailPart[] {
  const { above, forMs } = rule.when;
  const wants = `>= ${formatPercent(above)}`;
  const parts = [part('when.memory.above', usedRatio >= above, formatPercent(usedRatio), wants)];
  const heldMs = step.nowMs - aboveSinceMs;
  if (forMs > 0) {
    const saw = formatDuration(heldMs);
    parts.push(part('when.memory.for', heldMs >= forMs, saw, formatDuration(forMs)));
  }
  if (firedMs !== undefined) {
    parts.push(part('once a life', false, `fired at ${formatTime(firedMs)}`));
  }
  return parts;
}

/** Window, once a life, cooldown: in that order. A finding that time cures sets a timer. */
function judgeLife(step: Step, one: MemoryCase, memo: MemoryMemo): Finding | undefined {
  const heldMs = step.nowMs - (memo.aboveSinceMs ?? step.nowMs);
  const { forMs } = one.rule.when;
  if (heldMs < forMs) {
    waitUntil(step, one, memo, step.nowMs - heldMs + forMs);
    const detail = `above for ${formatDuration(heldMs)} of ${formatDuration(forMs)}`;
    return { reason: 'window-open', detail };
  }
  if (memo.firedMs !== undefined) {
    return { reason: 'once-a-life', detail: 'fires again in its next life' };
  }
  const cooling = judgeCooldown(step, one);
  if (cooling) waitUntil(step, one, memo, cooling.untilMs);
  return cooling;
}

function waitUntil(step: Step, one: MemoryCase, memo: MemoryMemo, dueMs: number): void {
  if (memo.dueMs === dueMs) return;
  memo.dueMs = dueMs;
  const podUid = one.entry.fact.uid;
  schedule(step.state, dueMs, { podUid, container: one.container.name, rule: one.rule.id });
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

function setBelow(memo: MemoryMemo): void {
  memo.aboveSinceMs = undefined;
  // All else stays said for this life: a value that flaps must not flood.
  if (memo.reported === 'fired') memo.reported = undefined;
  memo.dueMs = undefined;
  memo.sample = undefined;
}
