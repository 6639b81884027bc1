import { formatDuration, formatPercent, nextCronMs, unreachable } from '../../base/index.ts';
import type { MemorySignal } from '../../signal/index.ts';
import { formatTime } from '../format-time.ts';
import { matchesEvent } from '../kinds/event.ts';
import { neededOf } from '../kinds/probe.ts';
import type { RuleOf } from '../rule.ts';
import { memoOf } from '../state/pod-table.ts';
import { type CountWindow, sumWindow, trimWindow } from '../state/window.ts';
import { part, type TrailPart } from '../trail.ts';
import { requestWaits } from './asked.ts';
import { deletionWaits } from './deletion.ts';
import type { Explained } from './explain.ts';
import { nodeMemoryWaits } from './node-memory.ts';
import { type Case, type Waits, waits } from './say.ts';
import { sinceText } from './since.ts';
import { whereWaits } from './where-waits.ts';

/** From what the rule remembers, else from what was seen; undefined = nothing of either. */
export function waitsOf(from: Explained, one: Case): Waits | undefined {
  const { rule } = one;
  switch (rule.when.kind) {
    case 'memory':
      return memoryWaits(from, one, rule as RuleOf<'memory'>);
    case 'nodeMemory':
      return nodeMemoryWaits(from, one, rule as RuleOf<'nodeMemory'>);
    case 'event':
      return eventWaits(from, one, rule as RuleOf<'event'>);
    case 'crashLoop':
      return crashLoopWaits(from, one, rule as RuleOf<'crashLoop'>);
    case 'alert':
      return alertWaits(from, one, rule as RuleOf<'alert'>);
    case 'probe':
      return probeWaits(from, one, rule as RuleOf<'probe'>);
    case 'sequence':
      return sequenceWaits(from, one, rule as RuleOf<'sequence'>);
    case 'schedule':
      return scheduleWaits(from, one, rule as RuleOf<'schedule'>);
    case 'terminating':
      return deletionWaits(from, one, rule as RuleOf<'terminating'>);
    case 'request':
      return requestWaits(from, one, rule as RuleOf<'request'>);
    default:
      unreachable(rule.when, 'waitsOf');
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
  if (!sample) return noSample(from, container, wants);
  const saw = formatPercent(sample.usedRatio);
  const above = part('when.memory.above', sample.usedRatio >= when.above, saw, wants);
  if (sample.usedRatio < when.above) {
    const filling = fillingPart(sample, when);
    const more = filling ? `, or ${filling.wants}: ${filling.saw}` : '';
    const detail = `${saw} at ${formatTime(sample.seenMs)}, wants ${wants}${more}`;
    if (!filling?.holds) return waits('no-match', detail, [above, ...(filling ? [filling] : [])]);
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

function noSample(from: Explained, { memoryLimitBytes }: Case['container'], wants: string): Waits {
  const limit = memoryLimitBytes === undefined ? '; it has no memory limit of its own' : '';
  const detail = `no sample of its memory has come${sinceText(from)}${limit}`;
  return waits('no-signal', detail, [part('when.memory.above', false, 'no sample', wants)]);
}

/** The other way to fire, where the rule has it: the limit is near in time. */
function fillingPart(
  { usedRatio, fullInMs }: MemorySignal,
  { filling }: RuleOf<'memory'>['when'],
): TrailPart | undefined {
  if (!filling) return undefined;
  const { withinMs, floor } = filling;
  const isNear = fullInMs !== undefined && fullInMs <= withinMs;
  const saw = fullInMs === undefined ? 'it does not grow' : `full in ${formatDuration(fullInMs)}`;
  const wants = `full within ${formatDuration(withinMs)} from ${formatPercent(floor)} on`;
  return part('when.memory.orFullWithin', isNear && usedRatio >= floor, saw, wants);
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
  const { namespace, name, uid } = entry.fact;
  if (witness.lastOf(id, uid, container.name)) return undefined;
  const seen = witness.eventsOf(namespace, name, when.match.reason);
  if (!seen) {
    const reasons = when.match.reason.join(' or ');
    const detail = `no Event ${reasons} about the pod${sinceText(from)}`;
    return waits('no-signal', detail, [part('when.event.reason', false, 'none', reasons)]);
  }
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
  from: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'crashLoop'>,
): Waits | undefined {
  const { nowMs, witness } = from;
  const memo = memoOf(entry, container.name, id);
  if (memo?.kind !== 'crashLoop') {
    if (witness.lastOf(id, entry.fact.uid, container.name)) return undefined;
    return noFailure(from, container, when);
  }
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

function noFailure(
  from: Explained,
  { lastEnd }: Case['container'],
  { restarts, withinMs }: RuleOf<'crashLoop'>['when'],
): Waits {
  const wants = `${restarts} within ${formatDuration(withinMs)}`;
  const { reason = '', exitCode = 0, finishedAtMs = 0 } = lastEnd ?? {};
  const end = `its last end, ${reason} (exit code ${exitCode}) at ${formatTime(finishedAtMs)}`;
  const before = lastEnd ? `; ${end}, was not counted` : '';
  const detail = `no failure counted${sinceText(from)}, ${wants} needed${before}`;
  return waits('no-signal', detail, [part('when.crashLoop.restarts', false, 'none', wants)]);
}

/** Alerts of the shape came and none of them was one that the rule wants for this container. */
function alertWaits(
  from: Explained,
  { rule, entry, container }: Case,
  { when }: RuleOf<'alert'>,
): Waits | undefined {
  const { witness } = from;
  if (witness.lastOf(rule.id, entry.fact.uid, container.name)) return undefined;
  if (witness.lastWithoutTarget(rule.id)) return undefined;
  const seen = witness.alerts(when.shape);
  if (!seen) {
    const detail = `no ${when.shape} alert has come${sinceText(from)}`;
    return waits('no-signal', detail, [part('when.alert.shape', false, 'none', when.shape)]);
  }
  const alerts = seen.count === 1 ? 'alert' : 'alerts';
  const last = `the last at ${formatTime(seen.lastMs)}: ${seen.text}`;
  const saw = `${seen.count} ${when.shape} ${alerts}, ${last}`;
  const wants = when.match.map(({ text }) => text).join('; ');
  return waits('no-match', saw, [part('when.alert.match', false, saw, wants)]);
}

/** A row of failures that is not long enough, or that has fired and must end first. */
function probeWaits(
  from: Explained,
  { entry, container }: Case,
  rule: RuleOf<'probe'>,
): Waits | undefined {
  const { id, when } = rule;
  const probe = container.probes.find(({ type }) => type === when.type);
  if (!probe) {
    const detail = `the container has no ${when.type} probe`;
    return waits('no-signal', detail, [part('when.probe.type', false, 'none', when.type)]);
  }
  const known = memoOf(entry, container.name, id);
  const isOfLife = known?.kind === 'probe' && known.containerId === container.containerId;
  const memo = isOfLife ? known : undefined;
  const row = Math.max(memo?.counted ?? 0, memo?.told ?? 0);
  const needed = neededOf(rule, probe);
  const saw = `${row} in a row`;
  const failures = part('when.probe.failures', row >= needed, saw, `>= ${needed}`);
  if (memo?.reported === 'fired') {
    return waits('not-rearmed', `${saw}; fires again after a success`, [failures], true);
  }
  if (row >= needed) return undefined;
  if (row > 0) {
    return waits('window-open', `${when.type} probe failed ${saw}, ${needed} needed`, [failures]);
  }
  if (from.witness.lastOf(id, entry.fact.uid, container.name)) return undefined;
  const none = memo ? 'its last failure was followed by a success' : `no failure${sinceText(from)}`;
  return waits('no-signal', `${when.type} probe: ${none}, ${needed} in a row needed`, [failures]);
}

/** The longest row of steps that can still be completed. */
function sequenceWaits(
  from: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'sequence'>,
): Waits | undefined {
  const { nowMs, witness } = from;
  const memo = memoOf(entry, container.name, id);
  const chains = memo?.kind === 'sequence' ? memo.chains : [];
  const chain = chains.findLast((one) => {
    const [first] = one ?? [];
    return first !== undefined && nowMs - first.atMs <= when.withinMs;
  });
  if (!chain) {
    if (witness.lastOf(id, entry.fact.uid, container.name)) return undefined;
    const first = when.steps[0]?.text ?? '';
    const detail = `no step of ${when.steps.length}${sinceText(from)}; it waits for ${first}`;
    return waits('no-signal', detail, [part('when.sequence.steps[0]', false, 'not yet', first)]);
  }
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

function scheduleWaits(
  { nowMs, witness }: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'schedule'>,
): Waits | undefined {
  if (witness.lastOf(id, entry.fact.uid, container.name)) return undefined;
  const { cron, timeZone, suspend, jitterMs } = when;
  const late = jitterMs > 0 ? ` or up to ${formatDuration(jitterMs)} later` : '';
  const next = suspend
    ? 'the schedule is suspended'
    : `next at ${new Date(nextCronMs(cron, timeZone, nowMs)).toISOString()}${late}`;
  const passed = witness.tickOf(id);
  const over = passed
    ? `; its time at ${formatTime(passed.lastMs)} passed this container over: it did not run, or where was false`
    : '';
  const detail = `${next}${over}`;
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
