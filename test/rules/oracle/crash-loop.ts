import { type ContainerFact, isRunning, type PodFact } from '../../../src/signal/index.ts';
import type { PlainRule, WhenOf } from './plain-rule.ts';
import { idOf } from './plain-rule.ts';
import { hindrance, isDenied, reaches } from './reach.ts';
import type { Known } from './world.ts';
import {
  type Arm,
  claimed,
  fire,
  held,
  notesOf,
  type PlainCase,
  rulesOfKind,
  say,
  suppress,
  targetOf,
  type World,
} from './world.ts';

type CrashCase = PlainCase & { rule: PlainRule & { when: WhenOf<'crashLoop'> } };

/** `before` is undefined when the pod is new or comes from a first list, whose past is no news. */
export function takeCrashes(world: World, known: Known, before: PodFact | undefined): void {
  for (const container of known.pod.containers) {
    for (const rule of rulesOfKind(world, 'crashLoop')) {
      if (!reaches(rule, known.pod, container)) continue;
      const one = { rule, known, container };
      followLife(world, one);
      countFailure(world, one, before);
    }
  }
}

function followLife(world: World, one: CrashCase): void {
  const arm = armOf(one);
  if (!arm) return;
  if (arm.containerId !== undefined) {
    if (isRunning(one.container) && one.container.containerId === arm.containerId) return;
    arm.containerId = undefined;
    arm.dueMs = undefined;
    if (!dropExpired(world, one, arm)) sayArmed(world, one);
  } else dropExpired(world, one, arm);
  if (armOf(one)) bind(world, one, arm);
}

/** A life that is there is waited for; for one that does not come, not for ever. */
function dropExpired(world: World, one: CrashCase, arm: Arm): boolean {
  if (arm.expiresMs > world.nowMs) return false;
  one.known.arms = one.known.arms.filter((other) => other !== arm);
  return true;
}

function countFailure(world: World, one: CrashCase, before: PodFact | undefined): void {
  const { when } = one.rule;
  const failure = failureOf(one.container, before);
  if (!failure) return;
  const { end, count, finishedAtMs } = failure;
  const about = { rule: idOf(one.rule), container: one.container.name };
  // Each failed life once, however often and late it is told of.
  if (notesOf(one.known.failures, one).some((other) => other.end === end)) return;
  one.known.failures.push({ ...about, end, count, atMs: claimed(world, finishedAtMs) });
  const seen = notesOf(one.known.failures, one)
    .filter(({ atMs }) => atMs > world.nowMs - when.withinMs)
    .reduce((sum, other) => sum + other.count, 0);
  const reason = isDenied(one.known.pod)
    ? 'denied'
    : seen < when.restarts
      ? 'window-open'
      : held(world, one)?.reason;
  if (reason) {
    suppress(world, one, reason);
    return;
  }
  const known = armOf(one);
  const arm: Arm = known ?? { ...about, expiresMs: 0 };
  arm.expiresMs = world.nowMs + Math.max(when.withinMs, 600_000);
  if (!known) one.known.arms.push(arm);
  bind(world, one, arm);
  if (!known) sayArmed(world, one);
}

function failureOf(container: ContainerFact, before: PodFact | undefined) {
  const known = before?.containers.find(({ name }) => name === container.name);
  const { lastEnd } = container;
  if (!known || !lastEnd || container.restartCount <= known.restartCount) return undefined;
  if (lastEnd.exitCode === 0 && lastEnd.reason === 'Completed') return undefined;
  const { finishedAtMs } = lastEnd;
  const end = `${lastEnd.containerId} ${finishedAtMs}`;
  return { end, count: container.restartCount - known.restartCount, finishedAtMs };
}

function bind(world: World, { container, rule }: CrashCase, arm: Arm): void {
  if (!isRunning(container) || container.state.kind !== 'running') return;
  if (arm.containerId === container.containerId) return;
  arm.containerId = container.containerId;
  const oldEnoughMs = container.state.startedAtMs + rule.when.afterMs + world.skewMs;
  arm.dueMs = Math.max(world.nowMs, oldEnoughMs);
}

export function armOf(one: PlainCase): Arm | undefined {
  return notesOf(one.known.arms, one)[0];
}

export function wakeCrashLoop(world: World, one: CrashCase): void {
  one.known.arms = one.known.arms.filter((arm) => arm !== armOf(one));
  const reason = hindrance(one.known.pod, one.container) ?? held(world, one)?.reason;
  if (reason) suppress(world, one, reason);
  else fire(world, one);
}

function sayArmed(world: World, one: CrashCase): void {
  say(world, 'arm', 'armed', { rule: idOf(one.rule), target: targetOf(one) });
}
