import { formatDuration, formatPercent } from '../../base/index.ts';
import { isRunning, type PodFact } from '../../signal/index.ts';
import { reachingOf } from '../core.ts';
import type { SignalSummary } from '../decision.ts';
import {
  type Finding,
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
import type { PodEntry } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet } from '../state/state.ts';
import { part, type TrailPart } from '../trail.ts';
import type { TerminationCause } from '../when.ts';
import type { Told } from '../where/index.ts';

/**
 * A pod is being deleted: its containers got SIGTERM and run until they end by themselves or the
 * grace period is over. One decision a container when the deletion is first seen, also when an
 * agent finds it at its start: the end is still to come. Nothing is known of the kubelet's own
 * evictions while the pod runs: it tells of them when all containers have ended
 * (pkg/kubelet/status mergePodStatus).
 */
export function stepTerminating(step: Step, entry: PodEntry, before: PodFact | undefined): void {
  const { deletingAtMs } = entry.fact;
  if (deletingAtMs === undefined || before?.deletingAtMs !== undefined) return;
  const { terminating } = step.core;
  const reaching = reachingOf(step.core, entry, terminating);
  addQuietOthers(step.state.quiet, terminating, reaching, 'not-selected');
  for (const rule of reaching) {
    if (!isOfCause(rule, entry.fact)) countQuiet(step.state, rule.id, 'no-match');
    else judgePod(step, rule, entry, deletingAtMs);
  }
}

function judgePod(
  step: Step,
  rule: RuleOf<'terminating'>,
  entry: PodEntry,
  deletingAtMs: number,
): void {
  const grace = graceOf(rule, entry.fact, deletingAtMs - step.nowMs);
  const { leftMs, freezeMsMax, text: detail } = grace;
  const when = [causePart(rule, entry.fact), gracePart(rule, entry.fact, leftMs)];
  const signal = summarizeDeletion(step, entry.fact, detail);
  const told = toldOf(entry.fact, leftMs);
  for (const container of entry.fact.containers) {
    if (!selectsContainer(rule.target, container) || !isRunning(container)) continue;
    const one = { rule, entry, container, told };
    if (!passesWhere(step, one, step.signal, when)) continue;
    const finding = judgeTarget(step.core, one) ?? judgeGrace(grace) ?? judgeLimits(step, one);
    if (finding) {
      suppress(step, rule, finding, { target: targetOf(one), when, signal });
      continue;
    }
    const thawedByMs = step.nowMs + freezeMsMax;
    fire(step, one, {
      detail: `${causeOf(entry.fact)}, ${detail}; runs again by ${formatTime(thawedByMs)}`,
      when,
      signal,
      thawedByMs,
      deathExpectedAtMs: step.nowMs + leftMs,
    });
  }
}

/** What is left of the grace period of a pod, and what a capture may take of it. */
export interface Grace {
  leftMs: number;
  freezeMsMax: number;
  /** `20s of 30s grace left`. */
  text: string;
  /** The share that is the application's alone. */
  reservedMs: number;
}

/** The grace period `untilMs` before its end. */
export function graceOf(rule: RuleOf<'terminating'>, pod: PodFact, untilMs: number): Grace {
  const graceMs = pod.terminationGraceMs;
  // The API server's clock may be ahead of ours: never more than the whole grace is left.
  const leftMs = Math.max(0, Math.min(graceMs, untilMs));
  const reservedMs = graceMs * rule.when.reserve;
  const text = `${formatDuration(leftMs)} of ${formatDuration(graceMs)} grace left`;
  return { leftMs, freezeMsMax: leftMs - reservedMs, text, reservedMs };
}

/** What `where` is told of a deletion. */
export function toldOf(pod: PodFact, leftMs: number): Told['terminating'] {
  return {
    cause: causeOf(pod) ?? '',
    reason: pod.disruptionReason ?? '',
    graceSeconds: Math.floor(pod.terminationGraceMs / 1_000),
    graceLeftSeconds: Math.floor(leftMs / 1_000),
  };
}

function summarizeDeletion(step: Step, pod: PodFact, left: string): SignalSummary {
  const { namespace, name, uid, deletingAtMs, disruptionReason, terminationGraceMs } = pod;
  const text = `pod ${namespace}/${name} is being deleted (${disruptionReason ?? 'plainly'}), ${left}`;
  const data = { namespace, name, uid, deletingAtMs, disruptionReason, terminationGraceMs };
  return { ...step.summary(), text, data };
}

/** Without any time of its own a capture would take what was promised to the application. */
export function judgeGrace({ freezeMsMax, text, reservedMs }: Grace): Finding | undefined {
  if (freezeMsMax > 0) return undefined;
  const reserved = `, ${formatDuration(reservedMs)} of it reserved for the application`;
  return { reason: 'no-time', detail: reservedMs > 0 ? text + reserved : text };
}

/**
 * Reasons of the pod's condition DisruptionTarget (Kubernetes docs, Pod disruptions). Not among
 * them: DeletionByPodGC, its node is gone, and TerminationByKubelet, it has ended already.
 */
const reasonCauses: ReadonlyMap<string, TerminationCause> = new Map([
  ['EvictionByEvictionAPI', 'drain'],
  ['DeletionByTaintManager', 'taint'],
  ['PreemptionByScheduler', 'preemption'],
]);

/** Why a pod that still runs is being deleted; undefined where that is of no use to anybody. */
export function causeOf({ disruptionReason }: PodFact): TerminationCause | undefined {
  return disruptionReason === undefined ? 'delete' : reasonCauses.get(disruptionReason);
}

/** The reason of the condition that stands for a cause; `delete` has no condition. */
export function disruptionReasonOf(cause: TerminationCause): string | undefined {
  return [...reasonCauses].find(([, one]) => one === cause)?.[0];
}

/** Whether the rule asks for deletions like this. */
export function isOfCause({ when: { causes } }: RuleOf<'terminating'>, pod: PodFact): boolean {
  const cause = causeOf(pod);
  if (cause === undefined) return false;
  const isEviction = cause === 'drain' || cause === 'taint';
  return causes.includes(cause) || (isEviction && causes.includes('eviction'));
}

function causePart({ when: { causes } }: RuleOf<'terminating'>, pod: PodFact): TrailPart {
  return part('when.terminating.causes', true, deletionText(pod), causes.join(', '));
}

/** How a pod is being deleted, as its status says it. */
export function deletionText({ disruptionReason }: PodFact): string {
  return disruptionReason ?? 'deleted, no condition DisruptionTarget';
}

function gracePart(
  { when: { reserve } }: RuleOf<'terminating'>,
  { terminationGraceMs: graceMs }: PodFact,
  leftMs: number,
): TrailPart {
  const saw = `${formatDuration(leftMs)} of ${formatDuration(graceMs)} left`;
  const wants = `more than ${formatPercent(reserve)}`;
  return part('when.terminating.reserve', leftMs > graceMs * reserve, saw, wants);
}
