import { formatDuration } from '../../base/index.ts';
import type {
  AlertSignal,
  ContainerFact,
  EventSignal,
  MemorySignal,
  PodFact,
  ProbeSignal,
} from '../../signal/index.ts';
import { rulesForAlert } from '../alert-index.ts';
import { reachingOf } from '../core.ts';
import { passesTests } from '../event-fields.ts';
import {
  type Case,
  fire,
  formatTime,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import { resolveHints } from '../resolve.ts';
import type { RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import type { SequenceLink, SequenceMemo } from '../state/memo.ts';
import { memoOf, type PodEntry, setMemo } from '../state/pod-table.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet } from '../state/state.ts';
import { part, type TrailPart } from '../trail.ts';
import type { SequenceStep } from '../when.ts';
import { newFailure } from './crash-loop.ts';

/** Of the signal behind a step so much is kept. */
const TEXT_CHARS_MAX = 120;

/** Whether a step of a rule is what the signal says. */
type Fits = (wanted: SequenceStep) => boolean;

/** An Event that speaks of a container; one about the whole pod is a sign of none of them. */
export function sequenceOnEvent(
  step: Step,
  entry: PodEntry,
  signal: EventSignal,
  message: string,
): void {
  const container = entry.fact.containers.find(({ name }) => name === signal.container);
  if (!container) return;
  const fits: Fits = (wanted) =>
    wanted.kind === 'event' &&
    wanted.match.reason.includes(signal.reason) &&
    passesTests(wanted.match, signal, message);
  const times = Math.max(1, Math.floor(signal.countDelta) || 1);
  advanceAll(step, { entry, container, kind: 'event', times }, fits);
}

/** An alert whose target is one container of this node; any other is passed over. */
export function sequenceOnAlert(step: Step, signal: AlertSignal): void {
  const fits: Fits = (wanted) =>
    wanted.kind === 'alert' &&
    wanted.shape === signal.shape &&
    wanted.match.every(({ field, matches }) =>
      matches(Object.hasOwn(signal.fields, field) ? signal.fields[field] : undefined),
    );
  const { alerts, ofAlert } = step.core.sequences;
  if (ofAlert.size === 0) return;
  const maybe = new Set(rulesForAlert(alerts, signal).flatMap((one) => ofAlert.get(one) ?? []));
  const wanting = [...maybe].filter(({ when }) => when.steps.some(fits));
  if (wanting.length === 0) return;
  const found = resolveHints(step.state.pods, signal.hints, step.core.options.nodeName);
  if ('reason' in found) for (const { id } of wanting) countQuiet(step.state, id, found.reason);
  else advanceAll(step, { ...found, kind: 'alert', times: 1 }, fits);
}

/** A sample of the present life of a container. */
export function sequenceOnMemory(
  step: Step,
  entry: PodEntry,
  container: ContainerFact,
  { usedRatio }: MemorySignal,
): void {
  const fits: Fits = (wanted) => wanted.kind === 'memory' && usedRatio >= wanted.above;
  advanceAll(step, { entry, container, kind: 'memory', times: 1 }, fits);
}

/** Failures that the kubelet counted. */
export function sequenceOnProbe(
  step: Step,
  entry: PodEntry,
  container: ContainerFact,
  { type, failures }: ProbeSignal,
): void {
  const fits: Fits = (wanted) => wanted.kind === 'probe' && wanted.type === type;
  if (failures > 0) {
    advanceAll(step, { entry, container, kind: 'probe', times: failures }, fits);
  }
}

/** A pod changed: lives of its containers may have failed. */
export function sequenceOnPod(step: Step, entry: PodEntry, before: PodFact | undefined): void {
  for (const container of entry.fact.containers) {
    const failure = newFailure(container, before);
    if (!failure) continue;
    const { end, restarts } = failure;
    const fits: Fits = (wanted) =>
      wanted.kind === 'crash' &&
      (wanted.reasons === undefined || wanted.reasons.includes(end.reason));
    advanceAll(step, { entry, container, kind: 'crash', times: restarts }, fits);
  }
}

interface About {
  entry: PodEntry;
  container: ContainerFact;
  kind: SequenceStep['kind'];
  /** How often it happened. */
  times: number;
}

type SequenceCase = Case & { rule: RuleOf<'sequence'> };

function advanceAll(step: Step, about: About, fits: Fits): void {
  const { entry, container, kind, times } = about;
  const rules = step.core.sequences.byKind[kind];
  const reaching = reachingOf(step.core, entry, rules);
  addQuietOthers(step.state.quiet, rules, reaching, 'not-selected');
  for (const rule of reaching) {
    if (!rule.when.steps.some(fits)) {
      countQuiet(step.state, rule.id, 'no-match');
    } else if (!selectsContainer(rule.target, container)) {
      countQuiet(step.state, rule.id, 'not-selected');
    } else {
      // More often than there are steps it changes nothing.
      const rounds = Math.min(times, rule.when.steps.length);
      for (let round = 0; round < rounds; round++) advance(step, { rule, entry, container }, fits);
    }
  }
}

/**
 * Each beginning of the sequence is kept once: the one that began last, which has the most time
 * left. From the last step to the first, so that one signal is one step.
 */
function advance(step: Step, one: SequenceCase, fits: Fits): void {
  const { steps, withinMs } = one.rule.when;
  const known = memoOf(one.entry, one.container.name, one.rule.id);
  const memo: SequenceMemo = known?.kind === 'sequence' ? known : { kind: 'sequence', chains: [] };
  for (let index = steps.length - 1; index >= 0; index--) {
    const wanted = steps[index];
    const before = index === 0 ? [] : memo.chains[index - 1];
    if (!wanted || !before || !fits(wanted)) continue;
    const beganMs = before[0]?.atMs ?? step.nowMs;
    if (step.nowMs - beganMs > withinMs) continue;
    // Copies: each chain moves its own times when the clock is set.
    const links = before.map((link) => ({ ...link }));
    const chain = [...links, { atMs: step.nowMs, text: textOf(step) }];
    if (index === steps.length - 1) {
      memo.chains = [];
      if (memo === known) one.entry.memos.get(one.container.name)?.delete(one.rule.id);
      complete(step, one, chain);
      return;
    }
    const former = memo.chains[index];
    const isNew = !former?.[0] || step.nowMs - former[0].atMs > withinMs;
    memo.chains[index] = chain;
    if (memo !== known) setMemo(one.entry, one.container.name, one.rule.id, memo);
    if (isNew) sayOpen(step, one, chain);
    else countQuiet(step.state, one.rule.id, 'window-open');
  }
}

function complete(step: Step, one: SequenceCase, chain: readonly SequenceLink[]): void {
  const when = partsOf(one.rule, chain);
  const told = {
    first: chain[0]?.text ?? '',
    last: chain.at(-1)?.text ?? '',
    tookSeconds: Math.floor((step.nowMs - (chain[0]?.atMs ?? step.nowMs)) / 1_000),
  };
  if (!passesWhere(step, { ...one, told }, step.signal, when)) return;
  const finding = judgeTarget(step.core, one) ?? judgeLimits(step, one);
  if (finding) suppress(step, one.rule, finding, { target: targetOf(one), when });
  else fire(step, one, { detail: describe(step, one.rule, chain), when });
}

function sayOpen(step: Step, one: SequenceCase, chain: readonly SequenceLink[]): void {
  const finding = judgeTarget(step.core, one);
  // What can never be captured need not be told of at each step; what runs not yet may run then.
  if (finding?.reason === 'denied') {
    countQuiet(step.state, one.rule.id, 'denied');
    return;
  }
  const detail = describe(step, one.rule, chain);
  const when = partsOf(one.rule, chain);
  suppress(step, one.rule, { reason: 'window-open', detail }, { target: targetOf(one), when });
}

function describe(
  step: Step,
  { when: { steps, withinMs } }: RuleOf<'sequence'>,
  chain: readonly SequenceLink[],
): string {
  const tookMs = step.nowMs - (chain[0]?.atMs ?? step.nowMs);
  const took = `${formatDuration(tookMs)} of ${formatDuration(withinMs)}`;
  return `${chain.length} of ${steps.length} steps, ${took}`;
}

function partsOf(
  { when: { steps } }: RuleOf<'sequence'>,
  chain: readonly SequenceLink[],
): TrailPart[] {
  return steps.map(({ text }, index) => {
    const link = chain[index];
    const saw = link ? `${formatTime(link.atMs)} ${link.text}` : 'not seen yet';
    return part(`when.sequence.steps[${index}]`, link !== undefined, saw, text);
  });
}

function textOf(step: Step): string {
  const { text } = step.summary();
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX - 1)}…` : text;
}
