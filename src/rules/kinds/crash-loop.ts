import { formatDuration } from '../../base/index.ts';
import {
  type ContainerEnd,
  type ContainerFact,
  isRunning,
  type PodFact,
} from '../../signal/index.ts';
import { deniedBy, reachingOf } from '../core.ts';
import type { SignalSummary } from '../decision.ts';
import {
  type Case,
  common,
  fire,
  formatTime,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import type { Arm, CrashLoopMemo } from '../state/memo.ts';
import { memoOf, type PodEntry, setMemo } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { schedule } from '../state/state.ts';
import { addCount, sumWindow, trimWindow } from '../state/window.ts';
import { part, type Trail, type TrailPart } from '../trail.ts';

/** The kubelet's longest back-off is 5 min; it forgets a crash loop after 10 min of running. */
const ARM_MS_MIN = 600_000;

type CrashLoopCase = Case & { rule: RuleOf<'crashLoop'> };

/**
 * A pod changed. A container that failed often enough is armed: what runs next, or runs already
 * since the last failure, is captured once it is old enough. While it waits in back-off there is
 * nothing to capture.
 */
export function stepCrashLoop(
  step: Step,
  entry: PodEntry,
  before: PodFact | undefined,
  initial: boolean,
): void {
  for (const container of entry.fact.containers) {
    const end = initial ? undefined : newFailure(container, before);
    if (!end && !entry.memos.has(container.name)) continue;
    const { crashLoop } = step.core;
    const selecting = reachingOf(step.core, entry, crashLoop).filter((rule) =>
      selectsContainer(rule.target, container),
    );
    if (end) addQuietOthers(step.state.quiet, crashLoop, selecting, 'not-selected');
    for (const rule of selecting) {
      const one = { rule, entry, container };
      followLife(step, one);
      if (end) countFailure(step, one, end);
    }
  }
}

/** The time that an armed life was to reach has come. */
export function wakeCrashLoop(step: Step, one: Case, rule: RuleOf<'crashLoop'>): void {
  const memo = memoOf(one.entry, one.container.name, rule.id);
  if (memo?.kind !== 'crashLoop' || memo.arm?.dueMs === undefined) return;
  const { arm } = memo;
  arm.dueMs = undefined;
  // The life is over and the pod's new status has not come yet: it will bind the next life.
  if (arm.containerId !== one.container.containerId) return;
  const full = { ...one, rule };
  const finding = judgeTarget(step.core, full) ?? judgeLimits(step, full);
  const when = [...countParts(rule, memo), agePart(step, full)];
  memo.arm = undefined;
  if (finding) {
    suppress(step, rule, finding, { target: targetOf(full), signal: arm.signal, when });
    return;
  }
  const detail = `life captured ${formatDuration(rule.when.captureAfterMs)} after its start`;
  fire(step, full, { detail, signal: arm.signal, when });
}

interface Failure {
  end: ContainerEnd;
  restarts: number;
}

/** Failed lives that the new status tells of. A clean end is no failure. */
export function newFailure(
  container: ContainerFact,
  before: PodFact | undefined,
): Failure | undefined {
  const known = before?.containers.find(({ name }) => name === container.name);
  const end = container.lastEnd;
  if (!known || !end || (end.exitCode === 0 && end.reason === 'Completed')) return undefined;
  const restarts = container.restartCount - known.restartCount;
  return restarts > 0 ? { end, restarts } : undefined;
}

function countFailure(step: Step, one: CrashLoopCase, { end, restarts }: Failure): void {
  const { when, id } = one.rule;
  const known = memoOf(one.entry, one.container.name, id);
  const memo: CrashLoopMemo =
    known?.kind === 'crashLoop' ? known : { kind: 'crashLoop', restarts: [] };
  if (memo !== known) setMemo(one.entry, one.container.name, id, memo);
  const endKey = `${end.containerId ?? ''} ${end.finishedAtMs}`;
  if (memo.countedEnd === endKey) return;
  memo.countedEnd = endKey;
  if (!passesWhere(step, one, step.signal, [failurePart(one, end)])) return;
  const { finishedAtMs } = end;
  const atMs = Number.isFinite(finishedAtMs) ? Math.min(finishedAtMs, step.nowMs) : step.nowMs;
  addCount(memo.restarts, atMs, restarts);
  trimWindow(memo.restarts, step.nowMs, { withinMs: when.withinMs, enough: when.restarts });
  judgeRestarts(step, one, memo, summarizeFailure(step, one, end));
}

function failurePart({ container }: CrashLoopCase, { reason, exitCode }: ContainerEnd): TrailPart {
  const saw = `${container.name} failed: ${reason} (exit code ${exitCode})`;
  return part('when.crashLoop', true, saw);
}

function judgeRestarts(
  step: Step,
  one: CrashLoopCase,
  memo: CrashLoopMemo,
  signal: SignalSummary,
): void {
  const { when } = one.rule;
  const seen = sumWindow(memo.restarts);
  const counted = `${seen} of ${when.restarts} failures within ${formatDuration(when.withinMs)}`;
  const more = { target: targetOf(one), signal, when: countParts(one.rule, memo) };
  const denied = deniedBy(step.core, one.entry, one.container);
  if (denied !== undefined) {
    suppress(step, one.rule, { reason: 'denied', detail: denied }, more);
    return;
  }
  if (seen < when.restarts) {
    suppress(step, one.rule, { reason: 'window-open', detail: counted }, more);
    return;
  }
  const cooling = judgeLimits(step, one);
  if (cooling) {
    suppress(step, one.rule, cooling, more);
    return;
  }
  const expiresMs = step.nowMs + Math.max(when.withinMs, ARM_MS_MIN);
  const isNew = memo.arm === undefined;
  memo.arm = { ...memo.arm, expiresMs, signal };
  bindLife(step, one, memo.arm);
  if (isNew) sayArmed(step, one, memo.arm, counted, more.when);
}

/** An armed container: lets go of a life that ended too early, takes the one that began. */
function followLife(step: Step, one: CrashLoopCase): void {
  const memo = memoOf(one.entry, one.container.name, one.rule.id);
  if (memo?.kind !== 'crashLoop' || !memo.arm) return;
  const { arm } = memo;
  const isOver = !isRunning(one.container) || arm.containerId !== one.container.containerId;
  if (arm.containerId !== undefined && !isOver) return;
  // Only a life that does not come is given up: one that runs is captured at its age.
  if (arm.expiresMs <= step.nowMs) {
    memo.arm = undefined;
    return;
  }
  if (arm.containerId !== undefined) {
    arm.containerId = undefined;
    arm.dueMs = undefined;
    const afterMs = one.rule.when.captureAfterMs;
    const why = `the life ended before it was ${formatDuration(afterMs)} old`;
    sayArmed(step, one, arm, why, countParts(one.rule, memo));
  }
  bindLife(step, one, arm);
}

function bindLife(step: Step, one: CrashLoopCase, arm: Arm): void {
  const { state, containerId, name } = one.container;
  if (state.kind !== 'running' || containerId === undefined) return;
  if (arm.containerId === containerId) return;
  arm.containerId = containerId;
  arm.dueMs = Math.max(step.nowMs, state.startedAtMs + one.rule.when.captureAfterMs);
  const podUid = one.entry.fact.uid;
  schedule(step.state, arm.dueMs, { podUid, container: name, rule: one.rule.id });
}

/** How often it failed. Of an armed container it is the count at which it was armed. */
function countParts({ when }: CrashLoopCase['rule'], memo: CrashLoopMemo): TrailPart[] {
  const seen = sumWindow(memo.restarts);
  const saw = `${seen} within ${formatDuration(when.withinMs)}`;
  const holds = memo.arm !== undefined || seen >= when.restarts;
  return [part('when.crashLoop.restarts', holds, saw, String(when.restarts))];
}

function agePart(step: Step, { rule, container }: CrashLoopCase): TrailPart {
  const { state } = container;
  const { captureAfterMs } = rule.when;
  const ageMs = state.kind === 'running' ? step.nowMs - state.startedAtMs : 0;
  const wants = formatDuration(captureAfterMs);
  const name = 'when.crashLoop.capture.after';
  return part(name, ageMs >= captureAfterMs, `${formatDuration(Math.max(0, ageMs))} old`, wants);
}

function sayArmed(step: Step, one: CrashLoopCase, arm: Arm, why: string, when: Trail): void {
  const next =
    arm.dueMs === undefined
      ? `next life ${formatDuration(one.rule.when.captureAfterMs)} after its start`
      : `at ${formatTime(arm.dueMs)}`;
  step.decisions.push({
    verdict: 'arm',
    reason: 'armed',
    detail: `${why}; captures ${next}`,
    trail: [...when, part('when.crashLoop.capture.after', false, why, next)],
    ...common(step, one.rule),
    target: targetOf(one),
    signal: arm.signal,
  });
}

function summarizeFailure(step: Step, one: CrashLoopCase, end: ContainerEnd): SignalSummary {
  const { name, restartCount } = one.container;
  const text =
    `${name} failed: ${end.reason} (exit code ${end.exitCode}), ` +
    `restarted ${restartCount} ${restartCount === 1 ? 'time' : 'times'}`;
  const data = { container: name, restartCount, lastEnd: end };
  return { ...step.summary(), text, data };
}
