import {
  type ContainerFact,
  type EventSignal,
  findContainer,
  type ProbeFact,
  type ProbeSignal,
} from '../../signal/index.ts';
import { reachingOf } from '../core.ts';
import {
  type Case,
  type Finding,
  fire,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import type { ProbeMemo } from '../state/memo.ts';
import { memoOf, type PodEntry, setMemo } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet } from '../state/state.ts';
import { part, type TrailPart } from '../trail.ts';

import { sequenceOnProbe } from './sequence.ts';

/** What the kubelet's Unhealthy Event says of a failure that it counts (prober/prober.go). */
const FAILED = /^(Liveness|Readiness|Startup) probe failed/;
/** Probes that the kubelet kills the container for. */
const DEADLY: ReadonlySet<ProbeFact['type']> = new Set(['liveness', 'startup']);

/** What the kubelet's counters say since the last look. */
export function stepProbe(step: Step, signal: ProbeSignal): void {
  const entry = step.state.pods.byUid.get(signal.target.podUid);
  const container = entry && findContainer(entry.fact, signal.target.container);
  // Counts of a life that is over say nothing about this one.
  if (!entry || !container || container.containerId !== signal.target.containerId) return;
  sequenceOnProbe(step, entry, container, signal);
  forEachRule(step, { entry, container, type: signal.type }, (one, probe) => {
    const memo = lifeMemo(one) ?? (signal.failures > 0 ? createMemo(one) : undefined);
    if (!memo) return;
    if (signal.successes > 0) endRow(memo);
    // Of both within one look nobody knows the order: at least the last one may have failed.
    const failures = signal.successes > 0 ? Math.min(1, signal.failures) : signal.failures;
    memo.counted += failures;
    judgeRow(step, one, memo, probe);
  });
}

/**
 * An Unhealthy Event: comes sooner than the counters, but is throttled by the kubelet and knows no
 * success. The two are never added, the larger counts; what is told of alone ends with a gap.
 */
export function stepProbeEvent(step: Step, entry: PodEntry, signal: EventSignal, message: string) {
  const type = FAILED.exec(message)?.[1]?.toLowerCase() as ProbeFact['type'] | undefined;
  const container = findContainer(entry.fact, signal.container ?? '');
  if (!type || container?.state.kind !== 'running') return;
  const { startedAtMs } = container.state;
  // The API has whole seconds: an Event of the former life may be no older than this one.
  if (signal.occurredMs < startedAtMs) return;
  forEachRule(step, { entry, container, type }, (one, probe) => {
    const memo = lifeMemo(one) ?? createMemo(one);
    const atMs = Number.isFinite(signal.occurredMs)
      ? Math.min(signal.occurredMs, step.nowMs)
      : step.nowMs;
    const gapMs = atMs - (memo.toldMs ?? atMs);
    if (gapMs > 2 * probe.periodMs + probe.timeoutMs) {
      memo.told = 0;
      if (memo.counted === 0) endRow(memo);
    }
    memo.toldMs = Math.max(atMs, memo.toldMs ?? atMs);
    memo.told += Math.max(1, Math.floor(signal.countDelta) || 1);
    judgeRow(step, one, memo, probe);
  });
}

type ProbeCase = Case & { rule: RuleOf<'probe'> };

function forEachRule(
  step: Step,
  about: { entry: PodEntry; container: ContainerFact; type: ProbeFact['type'] },
  take: (one: ProbeCase, probe: ProbeFact) => void,
): void {
  const { entry, container, type } = about;
  const probe = container.probes.find((one) => one.type === type);
  if (!probe) return;
  const rules = step.core.probe;
  const reaching = reachingOf(step.core, entry, rules);
  addQuietOthers(step.state.quiet, rules, reaching, 'not-selected');
  for (const rule of reaching) {
    if (rule.when.type !== type) countQuiet(step.state, rule.id, 'no-match');
    else if (selectsContainer(rule.target, container)) take({ rule, entry, container }, probe);
    else countQuiet(step.state, rule.id, 'not-selected');
  }
}

/** A row gives a decision for each failure up to the one that fires, then for each new reason. */
function judgeRow(step: Step, one: ProbeCase, memo: ProbeMemo, probe: ProbeFact): void {
  const row = Math.max(memo.counted, memo.told);
  if (row <= memo.judged) return;
  memo.judged = row;
  if (memo.reported === 'fired') return;
  const needed = neededOf(one.rule, probe);
  const when = partsOf(one.rule, row, needed);
  const { type, handler, failureThreshold } = probe;
  const told = { type, handler, failures: row, failureThreshold };
  if (!passesWhere(step, { ...one, told }, step.signal, when)) return;
  const detail = `${probe.type} probe failed ${row} in a row, ${needed} needed`;
  const open: Finding | undefined = row < needed ? { reason: 'window-open', detail } : undefined;
  const finding = judgeTarget(step.core, one) ?? open ?? judgeLimits(step, one);
  if (finding) {
    if (memo.reported === finding.reason && !open) return;
    memo.reported = finding.reason;
    suppress(step, one.rule, finding, { target: targetOf(one), when });
    return;
  }
  memo.reported = 'fired';
  fire(step, one, { detail, when, deathExpectedAtMs: deathMs(step, probe, row) });
}

/** The kubelet kills at the last of `failureThreshold` failures in a row: none comes after it. */
export function neededOf({ when }: RuleOf<'probe'>, probe: ProbeFact): number {
  return DEADLY.has(probe.type) ? Math.min(when.failures, probe.failureThreshold) : when.failures;
}

function deathMs(step: Step, probe: ProbeFact, row: number): number | undefined {
  if (!DEADLY.has(probe.type)) return undefined;
  return step.nowMs + Math.max(0, probe.failureThreshold - row) * probe.periodMs;
}

function partsOf({ when }: RuleOf<'probe'>, row: number, needed: number): TrailPart[] {
  return [
    part('when.probe.type', true, when.type),
    part('when.probe.failures', row >= needed, `${row} in a row`, `>= ${needed}`),
  ];
}

/** A success: what is counted begins anew, and so does what may be said and fired. */
function endRow(memo: ProbeMemo): void {
  memo.counted = 0;
  memo.told = 0;
  memo.judged = 0;
  memo.reported = undefined;
}

/** The memo of this life; one of a former life counts as none. */
function lifeMemo(one: Case): ProbeMemo | undefined {
  const memo = memoOf(one.entry, one.container.name, one.rule.id);
  const isOfLife = memo?.kind === 'probe' && memo.containerId === one.container.containerId;
  return isOfLife ? memo : undefined;
}

function createMemo(one: Case): ProbeMemo {
  const containerId = one.container.containerId ?? '';
  const memo: ProbeMemo = { kind: 'probe', containerId, counted: 0, told: 0, judged: 0 };
  setMemo(one.entry, one.container.name, one.rule.id, memo);
  return memo;
}
