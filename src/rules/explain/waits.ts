import { formatDuration, formatPercent, nextCronMs } from '../../base/index.ts';
import type { ContainerFact, Signal } from '../../signal/index.ts';
import { formatTime } from '../format-time.ts';
import { matchesEvent } from '../kinds/event.ts';
import { memoOf, type PodEntry } from '../pod-table.ts';
import type { Rule, RuleOf } from '../rule.ts';
import { part } from '../trail.ts';
import { type CountWindow, sumWindow, trimWindow } from '../window.ts';
import type { Answer, Explained, RuleExplanation } from './explain.ts';

type Case = { rule: Rule; entry: PodEntry; container: ContainerFact };

/** What the rule waits for at this container. */
export interface Waits extends Pick<RuleExplanation, 'answer' | 'detail' | 'trail'> {
  /** It counts more than a limit and than whether the container runs. */
  isStanding: boolean;
}

/** From what the rule remembers, else from what was seen; undefined = nothing of either. */
export function waitsOf(from: Explained, one: Case): Waits | undefined {
  const { rule } = one;
  switch (rule.when.kind) {
    case 'memory':
      return memoryWaits(from, one, rule as RuleOf<'memory'>);
    case 'event':
      return eventWaits(from, one, rule as RuleOf<'event'>);
    case 'crashLoop':
      return crashLoopWaits(from, one, rule as RuleOf<'crashLoop'>);
    case 'alert':
      return alertWaits(from, one, rule as RuleOf<'alert'>);
    case 'probe':
      return probeWaits(one, rule as RuleOf<'probe'>);
    case 'sequence':
      return sequenceWaits(from, one, rule as RuleOf<'sequence'>);
    case 'schedule':
      return scheduleWaits(from, one, rule as RuleOf<'schedule'>);
    default:
      return undefined;
  }
}

function memoryWaits(
  from: Explained,
  one: Case,
  { id, when }: RuleOf<'memory'>,
): Waits | undefined {
  const { nowMs, witness } = from;
  const { entry, container } = one;
  const known = memoOf(entry, container.name, id);
  const memo =
    known?.kind === 'memory' && known.containerId === container.containerId ? known : undefined;
  const sample = memo?.sample ?? witness.memoryOf(container.containerId ?? '');
  const wants = `>= ${formatPercent(when.above)}`;
  if (memo?.firedMs !== undefined) {
    const fired = `fired at ${formatTime(memo.firedMs)} in this life`;
    if (when.rearmBelow !== undefined) {
      const below = `< ${formatPercent(when.rearmBelow)}`;
      const trail = [part('when.memory.below', false, fired, below)];
      return waits('not-rearmed', `${fired}; again after ${below}`, trail, true);
    }
    const detail = `${fired}; fires again in its next life`;
    return waits('once-a-life', detail, [part('once a life', false, fired)], true);
  }
  if (!sample) return undefined;
  const saw = formatPercent(sample.usedRatio);
  const above = part('when.memory.above', sample.usedRatio >= when.above, saw, wants);
  if (sample.usedRatio < when.above) {
    const detail = `${saw} at ${formatTime(sample.seenMs)}, wants ${wants}`;
    return waits('no-match', detail, [above]);
  }
  const where = whereWaits(from, one, sample);
  if (where) return where;
  if (memo?.aboveSinceMs === undefined) return undefined;
  const heldMs = nowMs - memo.aboveSinceMs;
  if (heldMs >= when.forMs) return undefined;
  const detail = `above for ${formatDuration(heldMs)} of ${formatDuration(when.forMs)}`;
  const held = part('when.memory.for', false, formatDuration(heldMs), formatDuration(when.forMs));
  return waits('window-open', detail, [above, held]);
}

function eventWaits(from: Explained, one: Case, rule: RuleOf<'event'>): Waits | undefined {
  const { id, when } = rule;
  const { nowMs, witness } = from;
  const { entry, container } = one;
  const memo = memoOf(entry, container.name, id);
  const { atLeast, withinMs } = when;
  if (memo?.kind === 'event') {
    const count = countIn(memo.counts, nowMs, { withinMs, enough: atLeast });
    if (count > 0 && count < atLeast) {
      const saw = `${count} of ${atLeast} within ${formatDuration(withinMs)}`;
      return waits('window-open', saw, [part('when.event.atLeast', false, saw, String(atLeast))]);
    }
    return undefined;
  }
  const { namespace, name } = entry.fact;
  const seen = witness.eventsOf(namespace, name, when.match.reason);
  if (!seen) return undefined;
  const isMeant = seen.signal.kind === 'event' && matchesEvent(rule, seen.signal);
  const where = isMeant ? whereWaits(from, one, seen.signal) : undefined;
  if (where) return where;
  const saw = `${seen.count} of this reason, the last at ${formatTime(seen.lastMs)}: ${seen.text}`;
  const { type, message, fields } = when.match;
  const texts = [type, message?.text, ...fields.map(({ text }) => text)];
  const wants = texts.filter((one) => one !== undefined);
  const trail = [part('when.event', false, saw, wants.join(', ') || 'about this container')];
  return waits('no-match', saw, trail);
}

function crashLoopWaits(
  { nowMs }: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'crashLoop'>,
): Waits | undefined {
  const memo = memoOf(entry, container.name, id);
  if (memo?.kind !== 'crashLoop') return undefined;
  const after = `${formatDuration(when.captureAfterMs)} after its start`;
  if (memo.arm && memo.arm.expiresMs > nowMs) {
    const { dueMs } = memo.arm;
    const next =
      dueMs === undefined ? `captures its next life, ${after}` : `captures at ${formatTime(dueMs)}`;
    return waits('armed', next, [part('when.crashLoop.capture.after', false, next, after)], true);
  }
  const window = { withinMs: when.withinMs, enough: when.restarts };
  const count = countIn(memo.restarts, nowMs, window);
  if (count >= when.restarts) return undefined;
  const saw = `${count} of ${when.restarts} failures within ${formatDuration(when.withinMs)}`;
  const trail = [part('when.crashLoop.restarts', false, saw, String(when.restarts))];
  return waits('window-open', saw, trail);
}

/** Alerts of the shape came and none of them was one that the rule wants for this container. */
function alertWaits(
  { witness }: Explained,
  { rule, entry, container }: Case,
  { when }: RuleOf<'alert'>,
): Waits | undefined {
  if (witness.lastOf(rule.id, entry.fact.uid, container.name)) return undefined;
  if (witness.lastWithoutTarget(rule.id)) return undefined;
  const seen = witness.alerts(when.shape);
  if (!seen) return undefined;
  const saw = `${seen.count} ${when.shape} alerts, the last at ${formatTime(seen.lastMs)}: ${seen.text}`;
  const wants = when.match.map(({ text }) => text).join('; ');
  return waits('no-match', saw, [part('when.alert.match', false, saw, wants)]);
}

/** A row of failures that is not long enough, or that has fired and must end first. */
function probeWaits({ entry, container }: Case, { id, when }: RuleOf<'probe'>): Waits | undefined {
  const probe = container.probes.find(({ type }) => type === when.type);
  if (!probe) {
    const detail = `the container has no ${when.type} probe`;
    return waits('no-signal', detail, [part('when.probe.type', false, 'none', when.type)]);
  }
  const memo = memoOf(entry, container.name, id);
  if (memo?.kind !== 'probe' || memo.containerId !== container.containerId) return undefined;
  const row = Math.max(memo.counted, memo.told);
  const saw = `${row} in a row`;
  const failures = part('when.probe.failures', row >= when.failures, saw, `>= ${when.failures}`);
  if (memo.reported === 'fired') {
    return waits('not-rearmed', `${saw}; fires again after a success`, [failures], true);
  }
  if (row === 0 || row >= when.failures) return undefined;
  return waits('window-open', `${when.type} probe failed ${saw}, ${when.failures} needed`, [
    failures,
  ]);
}

/** The longest row of steps that can still be completed. */
function sequenceWaits(
  { nowMs }: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'sequence'>,
): Waits | undefined {
  const memo = memoOf(entry, container.name, id);
  if (memo?.kind !== 'sequence') return undefined;
  const chain = memo.chains.findLast((one) => {
    const [first] = one ?? [];
    return first !== undefined && nowMs - first.atMs <= when.withinMs;
  });
  if (!chain) return undefined;
  const trail = when.steps.map(({ text }, index) => {
    const link = chain[index];
    const saw = link ? `at ${formatTime(link.atMs)}: ${link.text}` : 'not yet';
    return part(`when.sequence.steps[${index}]`, link !== undefined, saw, text);
  });
  const left = formatDuration(when.withinMs - (nowMs - (chain[0]?.atMs ?? nowMs)));
  const next = when.steps[chain.length]?.text ?? '';
  const detail = `${chain.length} of ${when.steps.length} steps; for ${left} more it waits for ${next}`;
  return waits('window-open', detail, trail);
}

/** An expression that looks at the signal, asked about the last one. */
function whereWaits(
  { core }: Explained,
  { rule, entry, container }: Case,
  signal: Signal,
): Waits | undefined {
  const { where } = rule;
  if (!where) return undefined;
  const { nodeName } = core.options;
  const result = where.evaluate({ signal, pod: entry.fact, container, nodeName });
  if (result.holds === true) return undefined;
  const isError = result.holds === 'error';
  const saw = isError ? result.why : (result.absent ?? 'false');
  const detail = `of the last signal, at ${formatTime(signal.seenMs)}: ${saw}`;
  return waits(isError ? 'where-error' : 'where-false', detail, [
    part('where', false, saw, where.text),
  ]);
}

function scheduleWaits(
  { nowMs, witness }: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'schedule'>,
): Waits | undefined {
  if (witness.lastOf(id, entry.fact.uid, container.name)) return undefined;
  const { cron, timeZone, suspend } = when;
  const detail = suspend
    ? 'the schedule is suspended'
    : `next at ${new Date(nextCronMs(cron, timeZone, nowMs)).toISOString()}`;
  return waits('no-signal', detail, [
    part('when.schedule', false, detail, `${cron} (${timeZone})`),
  ]);
}

/** The window as it is at `nowMs`; what the rule remembers is not touched. */
function countIn(
  window: CountWindow,
  nowMs: number,
  bound: { withinMs: number; enough: number },
): number {
  const copy: CountWindow = window.map(([atMs, count]) => [atMs, count]);
  trimWindow(copy, nowMs, bound);
  return sumWindow(copy);
}

function waits(answer: Answer, detail: string, trail: Waits['trail'], isStanding = false): Waits {
  return { answer, detail, trail, isStanding };
}
