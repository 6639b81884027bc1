import { isRunning, type MemorySignal, type ReasonCode } from '../../../src/signal/index.ts';
import type { PlainRule, WhenOf } from './plain-rule.ts';
import { hindrance, reaches } from './reach.ts';
import {
  aboutOf,
  fire,
  held,
  notesOf,
  type PlainCase,
  rulesOfKind,
  suppress,
  type World,
} from './world.ts';

type MemoryRule = PlainRule & { when: WhenOf<'memory'> };
type MemoryCase = PlainCase & { rule: MemoryRule };

export function takeMemory(world: World, { target, usedRatio, fullInMs }: MemorySignal): void {
  const known = world.known.find(({ pod }) => pod.uid === target.podUid);
  const container = known?.pod.containers.find(({ name }) => name === target.container);
  if (!known || !container || container.containerId !== target.containerId) return;
  for (const rule of rulesOfKind(world, 'memory')) {
    if (!reaches(rule, known.pod, container)) continue;
    const { abovePercent, filling, belowPercent } = rule.when;
    const isAbove = usedRatio >= abovePercent / 100;
    const isFilling =
      filling !== undefined &&
      fullInMs !== undefined &&
      fullInMs <= filling.withinMs &&
      usedRatio >= filling.floorPercent / 100;
    const isRearming = belowPercent !== undefined && usedRatio < belowPercent / 100;
    const one = { rule, known, container };
    const seen = { isAbove, isFilling, isRearming };
    known.samples.push({ ...aboutOf(one), atMs: world.nowMs, what: 'sample', ...seen });
    if (isAbove || isFilling) judge(world, one);
  }
}

/** Where a life stands, from all that was noted of it. */
function standing(one: PlainCase) {
  let aboveSinceMs: number | undefined;
  let isFilling = false;
  let isHigh = false;
  let hasFired = false;
  let reported: ReasonCode | undefined;
  let dueMs: number | undefined;
  for (const note of notesOf(one.known.samples, one)) {
    switch (note.what) {
      case 'sample':
      case 'unselected':
        isHigh = note.what === 'sample' && (note.isAbove || note.isFilling);
        isFilling = note.what === 'sample' && note.isFilling;
        if (note.what !== 'sample' || !note.isAbove) aboveSinceMs = undefined;
        else aboveSinceMs ??= note.atMs;
        if (isHigh) break;
        dueMs = undefined;
        if (reported === 'fired') reported = undefined;
        if (note.what === 'sample' && note.isRearming && hasFired) {
          hasFired = false;
          reported = undefined;
        }
        break;
      case 'wait':
        dueMs = note.dueMs;
        break;
      case 'woken':
        dueMs = undefined;
        break;
      case 'said':
        reported = note.reason;
        if (note.reason !== 'fired') break;
        hasFired = true;
        dueMs = undefined;
    }
  }
  return { aboveSinceMs, isFilling, isHigh, hasFired, reported, dueMs };
}

function judge(world: World, one: MemoryCase): void {
  const { when } = one.rule;
  const { aboveSinceMs = world.nowMs, isFilling, hasFired, reported } = standing(one);
  const note = { ...aboutOf(one), atMs: world.nowMs };
  let reason: ReasonCode | undefined = hindrance(one.known.pod, one.container);
  if (!reason && world.nowMs - aboveSinceMs < when.forMs && !isFilling) {
    reason = 'window-open';
    one.known.samples.push({ ...note, what: 'wait', dueMs: aboveSinceMs + when.forMs });
  }
  if (!reason && hasFired) reason = when.belowPercent === undefined ? 'once-a-life' : 'not-rearmed';
  const limit = reason ? undefined : held(world, one);
  if (limit) {
    reason = limit.reason;
    one.known.samples.push({ ...note, what: 'wait', dueMs: limit.untilMs });
  }
  if (!reason) {
    one.known.samples.push({ ...note, what: 'said', reason: 'fired' });
    fire(world, one);
    return;
  }
  // Nothing is said twice of a life, and nothing while it stays above after it fired.
  const isOfFired = reason === 'once-a-life' || reason === 'not-rearmed';
  if (reported === reason || (isOfFired && reported === 'fired')) return;
  one.known.samples.push({ ...note, what: 'said', reason });
  suppress(world, one, reason);
}

export function memoryDueMs(one: PlainCase): number | undefined {
  return standing(one).dueMs;
}

/** The time that was waited for has come. */
export function wakeMemory(world: World, one: MemoryCase): void {
  one.known.samples.push({ ...aboutOf(one), atMs: world.nowMs, what: 'woken' });
  if (isRunning(one.container) && standing(one).isHigh) judge(world, one);
}

/** A pod that the rule does not reach any more is not watched: what it waited for is over. */
export function letGoOfMemory(world: World, one: PlainCase): void {
  if (notesOf(one.known.samples, one).length === 0) return;
  one.known.samples.push({ ...aboutOf(one), atMs: world.nowMs, what: 'unselected' });
}
