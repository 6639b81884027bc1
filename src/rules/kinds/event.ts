import { formatDuration } from '../../base/index.ts';
import type { ContainerFact, EventSignal } from '../../signal/index.ts';
import { reachingOf } from '../core.ts';
import { eventFieldOf, passesTests } from '../event-fields.ts';
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
import type { Rule, RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import type { EventMemo } from '../state/memo.ts';
import { memoOf, type PodEntry, podOfName, setMemo } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet } from '../state/state.ts';
import { addCount, sumWindow, trimWindow } from '../state/window.ts';
import { part, type TrailPart } from '../trail.ts';
import { stepProbeEvent } from './probe.ts';
import { sequenceOnEvent } from './sequence.ts';

/** Of a message only the beginning is told. */
const MESSAGE_CHARS_MAX = 1_000;
/** What client-go's recorder puts before the newest message of ten alike (EventAggregator). */
const COMBINED = '(combined from similar events): ';
/** The prober could not run the probe; the kubelet does not count it, and a freeze causes it. */
const PROBE_ERROR = /^(Liveness|Readiness|Startup) probe errored/;

/** A Kubernetes Event about a pod. Events of pods that are not on this node are passed over. */
export function stepEvent(step: Step, signal: EventSignal): void {
  const { eventByReason, probe, sequences } = step.core;
  const rules = eventByReason.get(signal.reason) ?? [];
  const isOfProbe = signal.reason === 'Unhealthy' && probe.length > 0;
  const isOfSequence = sequences.eventReasons.has(signal.reason);
  if (rules.length === 0 && !isOfProbe && !isOfSequence) return;
  const entry = podOfName(step.state.pods, signal.namespace, signal.pod);
  if (!entry || !isAboutPod(signal, entry)) return;
  const message = messageOf(signal);
  if (isOfProbe) stepProbeEvent(step, entry, signal, message);
  if (isOfSequence && !PROBE_ERROR.test(message)) sequenceOnEvent(step, entry, signal, message);
  const reaching = reachingOf(step.core, entry, rules);
  addQuietOthers(step.state.quiet, rules, reaching, 'not-selected');
  for (const rule of reaching) {
    if (!matches(rule, signal, message)) countQuiet(step.state, rule.id, 'no-match');
    else stepRule(step, { rule, entry }, signal);
  }
}

function stepRule(
  step: Step,
  { rule, entry }: { rule: RuleOf<'event'>; entry: PodEntry },
  signal: EventSignal,
): void {
  const found = resolveContainer(entry, rule, signal);
  if ('reason' in found) {
    if (found.reason === 'not-selected') countQuiet(step.state, rule.id, 'not-selected');
    else suppress(step, rule, found, { when: matchParts(step, rule, signal) });
    return;
  }
  const one = { rule, entry, container: found.container };
  // What is not meant must not fill the window.
  if (rule.where && !passesWhere(step, one, signal, matchParts(step, rule, signal))) return;
  const seen = countEvent(step, one, signal);
  const finding = judgeTarget(step.core, one) ?? judgeWindow(rule, seen) ?? judgeLimits(step, one);
  const when = [...matchParts(step, rule, signal), countPart(rule, seen)];
  if (finding) {
    suppress(step, rule, finding, { target: targetOf(one), when });
    return;
  }
  fire(step, one, {
    detail: describeCount(rule, seen),
    when,
    deathExpectedAtMs: livenessDeathMs(step, one.container, signal, seen),
  });
}

/** A static pod's Events name the uid that the kubelet gave it, not the mirror pod's. */
function isAboutPod({ podUid }: EventSignal, { fact }: PodEntry): boolean {
  return podUid === '' || podUid === fact.uid || podUid === fact.staticUid;
}

/** Whether the rule asks for such an Event; who it is about is another question. */
export function matchesEvent(rule: RuleOf<'event'>, signal: EventSignal): boolean {
  return rule.when.match.reason.includes(signal.reason) && matches(rule, signal, messageOf(signal));
}

function messageOf({ message }: EventSignal): string {
  return message.startsWith(COMBINED) ? message.slice(COMBINED.length) : message;
}

function matches({ when: { match } }: RuleOf<'event'>, signal: EventSignal, message: string) {
  return !PROBE_ERROR.test(message) && passesTests(match, signal, message);
}

/** The container that the Event names, or the only one of the pod that the rule can mean. */
function resolveContainer(
  entry: PodEntry,
  rule: Rule,
  signal: EventSignal,
): { container: ContainerFact } | Finding {
  const { containers } = entry.fact;
  if (signal.container !== undefined) {
    const container = containers.find(({ name }) => name === signal.container);
    if (!container) {
      return { reason: 'target-unknown', detail: `no container ${signal.container}` };
    }
    if (selectsContainer(rule.target, container)) return { container };
    return { reason: 'not-selected', detail: container.name };
  }
  const meant = containers.filter(
    (one) => one.type === 'app' && selectsContainer(rule.target, one),
  );
  const [container] = meant;
  if (!container) return { reason: 'not-selected', detail: 'no app container is selected' };
  if (meant.length === 1) return { container };
  const detail = `about the pod as a whole: ${meant.map(({ name }) => name).join(', ')}`;
  return { reason: 'target-ambiguous', detail };
}

/** Adds the Event to the window of its container and gives the count in it. */
function countEvent(step: Step, one: Case & { rule: RuleOf<'event'> }, signal: EventSignal) {
  const { when, id } = one.rule;
  const known = memoOf(one.entry, one.container.name, id);
  const memo: EventMemo = known?.kind === 'event' ? known : { kind: 'event', counts: [] };
  if (memo !== known) setMemo(one.entry, one.container.name, id, memo);
  // A clock ahead of ours must not keep an Event in the window for longer.
  const { occurredMs } = signal;
  const atMs = Number.isFinite(occurredMs) ? Math.min(occurredMs, step.nowMs) : step.nowMs;
  addCount(memo.counts, atMs, Math.max(1, Math.floor(signal.countDelta) || 1));
  trimWindow(memo.counts, step.nowMs, { withinMs: when.withinMs, enough: when.atLeast });
  return sumWindow(memo.counts);
}

function judgeWindow(rule: RuleOf<'event'>, seen: number): Finding | undefined {
  if (seen >= rule.when.atLeast) return undefined;
  return { reason: 'window-open', detail: describeCount(rule, seen) };
}

function describeCount({ when }: RuleOf<'event'>, seen: number): string {
  return `${seen} of ${when.atLeast} within ${formatDuration(when.withinMs)}`;
}

/** What of the Event the rule asked for; all of it holds. */
function matchParts(step: Step, { when }: RuleOf<'event'>, signal: EventSignal): TrailPart[] {
  const { reason, type, message } = when.match;
  const parts = [part('when.event.reason', true, signal.reason, reason.join(', '))];
  if (type !== undefined) parts.push(part('when.event.type', true, signal.type, type));
  if (message) {
    const saw = step.core.options.redactor.text(signal.message.slice(0, MESSAGE_CHARS_MAX));
    parts.push(part('when.event.message', true, saw, message.text));
  }
  when.match.fields.forEach(({ field, text }, index) => {
    const value = eventFieldOf(signal, signal.message.slice(0, MESSAGE_CHARS_MAX), field);
    const saw = step.core.options.redactor.text(String(value ?? 'absent'));
    parts.push(part(`when.event.match[${index}]`, true, saw, text));
  });
  return parts;
}

function countPart({ when }: RuleOf<'event'>, seen: number): TrailPart {
  const saw = `${seen} within ${formatDuration(when.withinMs)}`;
  return part('when.event.atLeast', seen >= when.atLeast, saw, String(when.atLeast));
}

/** The kubelet kills at the last of `failureThreshold` failures in a row, a period apart. */
function livenessDeathMs(
  step: Step,
  container: ContainerFact,
  signal: EventSignal,
  seen: number,
): number | undefined {
  if (signal.reason !== 'Unhealthy' || !signal.message.includes('Liveness probe failed')) {
    return undefined;
  }
  const probe = container.probes.find(({ type }) => type === 'liveness');
  if (!probe) return undefined;
  return step.nowMs + Math.max(0, probe.failureThreshold - seen) * probe.periodMs;
}
