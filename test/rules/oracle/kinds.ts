import {
  type EventSignal,
  isRunning,
  type PodFact,
  type RequestSignal,
  type TickSignal,
} from '../../../src/signal/index.ts';
import { idOf, type PlainRule, type WhenOf } from './plain-rule.ts';
import { takeProbeEvent } from './probe.ts';
import { hindrance, reaches, reachesPodOf } from './reach.ts';
import { findByName } from './resolve.ts';
import {
  claimed,
  fire,
  held,
  type Known,
  notesOf,
  type PlainCase,
  rulesOfKind,
  say,
  suppress,
  targetOf,
  type World,
} from './world.ts';

const COMBINED = '(combined from similar events): ';
const UNCOUNTED = ['Liveness', 'Readiness', 'Startup'].map((type) => `${type} probe errored`);

export function takeEvent(world: World, signal: EventSignal): void {
  const known = world.known.find(
    ({ pod }) => pod.namespace === signal.namespace && pod.name === signal.pod,
  );
  if (!known || !['', known.pod.uid, known.pod.staticUid].includes(signal.podUid)) return;
  const message = signal.message.replace(COMBINED, '');
  takeProbeEvent(world, known, { ...signal, message });
  for (const rule of rulesOfKind(world, 'event')) {
    const { reasons, type, contains } = rule.when;
    if (!reasons.includes(signal.reason) || !reachesPodOf(rule, known.pod)) continue;
    if (type !== undefined && type !== signal.type) continue;
    if (contains !== undefined && !message.includes(contains)) continue;
    if (UNCOUNTED.some((text) => message.startsWith(text))) continue;
    takeForRule(world, rule, known, signal);
  }
}

function takeForRule(
  world: World,
  rule: PlainRule & { when: WhenOf<'event'> },
  known: Known,
  signal: EventSignal,
): void {
  const { containers } = known.pod;
  const named = containers.find(({ name }) => name === signal.container);
  if (signal.container !== undefined && !named) {
    say(world, 'suppress', 'target-unknown', { rule: idOf(rule) });
    return;
  }
  const selected = (named ? [named] : containers.filter(({ type }) => type === 'app')).filter(
    (one) => reaches(rule, known.pod, one),
  );
  const [container] = selected;
  if (!container) return;
  if (selected.length > 1) {
    say(world, 'suppress', 'target-ambiguous', { rule: idOf(rule) });
    return;
  }
  const one = { rule, known, container };
  const count = Math.max(1, Math.floor(signal.countDelta) || 1);
  const about = { rule: idOf(rule), container: container.name };
  known.occurrences.push({ ...about, count, atMs: claimed(world, signal.occurredMs) });
  const seen = notesOf(known.occurrences, one)
    .filter(({ atMs }) => atMs > world.nowMs - rule.when.withinMs)
    .reduce((sum, other) => sum + other.count, 0);
  const open = seen < rule.when.atLeast ? 'window-open' : undefined;
  const reason = hindrance(known.pod, container) ?? open ?? held(world, one)?.reason;
  if (reason) suppress(world, one, reason);
  else fire(world, one);
}

/** One decision for each running container, by name; one without a target where there is none. */
export function takeTick(world: World, signal: TickSignal): void {
  const rule = rulesOfKind(world, 'schedule').find((one) => idOf(one) === signal.rule);
  if (!rule) return;
  const cases: PlainCase[] = world.known.flatMap((known) =>
    known.pod.containers
      .filter((container) => reaches(rule, known.pod, container) && isRunning(container))
      .map((container) => ({ rule, known, container })),
  );
  if (cases.length === 0) say(world, 'suppress', 'not-selected', { rule: signal.rule });
  const nameOf = ({ known: { pod }, container }: PlainCase) =>
    `${pod.namespace}/${pod.name}/${container.name}`;
  for (const one of cases.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
    const reason = hindrance(one.known.pod, one.container) ?? held(world, one)?.reason;
    if (reason) suppress(world, one, reason);
    else fire(world, one);
  }
}

export function takeRequest(world: World, signal: RequestSignal): void {
  const rule = 'request';
  const found = findByName(world, signal);
  if (typeof found === 'string') {
    say(world, 'suppress', found, { rule });
    return;
  }
  const isHeld = world.mode === 'observe' && !signal.evenInObserve;
  const reason = hindrance(found.known.pod, found.container) ?? (isHeld ? 'observed' : undefined);
  const target = targetOf(found);
  say(world, reason ? 'suppress' : 'fire', reason ?? 'fired', { rule, target });
}

const CAUSES: Readonly<Record<string, readonly string[]>> = {
  EvictionByEvictionAPI: ['drain', 'eviction'],
  DeletionByTaintManager: ['taint', 'eviction'],
  PreemptionByScheduler: ['preemption'],
  '': ['delete'],
};

/** When a deletion is first seen. */
export function takeTermination(world: World, known: Known, before: PodFact | undefined): void {
  const { deletingAtMs, disruptionReason = '', terminationGraceMs } = known.pod;
  if (deletingAtMs === undefined || before?.deletingAtMs !== undefined) return;
  const leftMs = Math.max(0, Math.min(terminationGraceMs, deletingAtMs - world.wallMs));
  for (const rule of rulesOfKind(world, 'terminating')) {
    const { causes, reservePercent } = rule.when;
    if (!CAUSES[disruptionReason]?.some((cause) => causes.includes(cause))) continue;
    for (const container of known.pod.containers) {
      if (!reaches(rule, known.pod, container) || !isRunning(container)) continue;
      const one = { rule, known, container };
      const isLate = leftMs <= (terminationGraceMs * reservePercent) / 100;
      const reason =
        hindrance(known.pod, container) ?? (isLate ? 'no-time' : held(world, one)?.reason);
      if (reason) suppress(world, one, reason);
      else fire(world, one);
    }
  }
}
