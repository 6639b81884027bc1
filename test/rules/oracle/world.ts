import type { ContainerFact, PodFact, ReasonCode, Target } from '../../../src/signal/index.ts';
import { firingOf, type Held, heldBack, type PastFiring, type PlainDefaults } from './limits.ts';
import { idOf, type PlainRule, type PlainWhen } from './plain-rule.ts';

/** What of a decision the oracle foretells. */
export interface PlainDecision {
  verdict: 'fire' | 'arm' | 'suppress';
  reason: ReasonCode;
  rule: string;
  /** Wall clock. */
  atMs: number;
  target?: Target;
}

/** A pod, and all that ever happened to it, oldest first. */
export interface Known {
  pod: PodFact;
  /** By container name: how many ids it has had. */
  lives: Map<string, number>;
  samples: MemoryNote[];
  occurrences: Occurrence[];
  failures: Failure[];
  arms: Arm[];
  rows: ProbeNote[];
}

interface About {
  rule: string;
  container: string;
}

/** What a rule saw and did in one life, about memory. */
export type MemoryNote = About & { life: number; atMs: number } & (
    | { what: 'sample'; isAbove: boolean; isFilling: boolean; isRearming: boolean }
    | { what: 'unselected' }
    | { what: 'wait'; dueMs: number }
    | { what: 'woken' }
    | { what: 'said'; reason: ReasonCode }
  );

export interface Occurrence extends About {
  atMs: number;
  count: number;
}

export interface Failure extends Occurrence {
  end: string;
}

/** What a rule saw and did, about the memory of the node. */
export type NodeNote = { rule: string; atMs: number } & (
  | { what: 'sample'; isLow: boolean; isBack: boolean }
  | { what: 'fired'; podUid: string; container: string; containerId: string }
  | { what: 'ended' }
  | { what: 'said'; reason: ReasonCode; containerId: string }
);

/** A crash loop whose next life is waited for, or whose life is (containerId). */
export interface Arm extends About {
  containerId?: string;
  dueMs?: number;
  expiresMs: number;
}

/** What a rule saw and did in one life, about a probe. */
export type ProbeNote = About & { life: number } & (
    | { what: 'counted'; failures: number; isSuccess: boolean }
    | { what: 'told'; failures: number; atMs: number; gapMsMax: number }
    | { what: 'judged'; row: number }
    | { what: 'said'; reason: ReasonCode }
  );

/**
 * All that ever happened. Times are on an axis that never goes back: when the wall clock is set
 * back, `skewMs` grows by as much, so nothing that is remembered has to be moved.
 */
export interface World {
  rules: readonly PlainRule[];
  nodeName: string;
  mode: 'enforce' | 'observe';
  defaults: PlainDefaults;
  known: Known[];
  firings: PastFiring[];
  ofNode: NodeNote[];
  wallMs: number;
  skewMs: number;
  nowMs: number;
  /** Of this step. */
  decisions: PlainDecision[];
}

/** A rule, and a container that it may fire for. */
export interface PlainCase {
  rule: PlainRule;
  known: Known;
  container: ContainerFact;
}

/** Small corrections stand still until the clock has caught up; what is more sets it back. */
export function advance(world: World, wallMs: number): void {
  const backMs = world.wallMs - wallMs;
  if (backMs > 1_000) world.skewMs += backMs;
  if (backMs <= 0 || backMs > 1_000) world.wallMs = wallMs;
  world.nowMs = world.wallMs + world.skewMs;
}

/** A time that somebody claims, on our axis: never in the future, and now where it is none. */
export function claimed(world: World, wallMs: number): number {
  return Number.isFinite(wallMs) ? Math.min(wallMs + world.skewMs, world.nowMs) : world.nowMs;
}

export function rulesOfKind<K extends PlainWhen['kind']>(world: World, kind: K) {
  type Of = PlainRule & { when: Extract<PlainWhen, { kind: K }> };
  return world.rules.filter((rule): rule is Of => rule.enabled && rule.when.kind === kind);
}

export function targetOf({ known: { pod }, container }: Omit<PlainCase, 'rule'>): Target {
  return {
    namespace: pod.namespace,
    pod: pod.name,
    podUid: pod.uid,
    container: container.name,
    containerId: container.containerId ?? '',
  };
}

export function say(
  world: World,
  verdict: PlainDecision['verdict'],
  reason: ReasonCode,
  about: { rule: string; target?: Target },
): void {
  world.decisions.push({ verdict, reason, atMs: world.wallMs, ...about });
}

export function suppress(world: World, one: PlainCase, reason: ReasonCode): void {
  say(world, 'suppress', reason, { rule: idOf(one.rule), target: targetOf(one) });
}

export function held(world: World, one: PlainCase): Held | undefined {
  const next = firingOf(one.rule, one.known.pod, one.container.name, world.nowMs);
  return heldBack(world.firings, one.rule, next, world.defaults);
}

/** Fires, or says what it would do; counts against the limits either way. */
export function fire(world: World, one: PlainCase): void {
  world.firings.push(firingOf(one.rule, one.known.pod, one.container.name, world.nowMs));
  if (world.mode === 'observe' || one.rule.mode === 'observe') suppress(world, one, 'observed');
  else say(world, 'fire', 'fired', { rule: idOf(one.rule), target: targetOf(one) });
}

/** The notes about one rule and container, and where notes have one, its present life. */
export function notesOf<Note extends About & { life?: number }>(
  notes: readonly Note[],
  { rule, known, container }: PlainCase,
): Note[] {
  const life = known.lives.get(container.name);
  return notes.filter(
    (note) =>
      note.rule === idOf(rule) &&
      note.container === container.name &&
      (note.life === undefined || note.life === life),
  );
}

export function aboutOf({ rule, known, container }: PlainCase) {
  const life = known.lives.get(container.name) ?? 0;
  return { rule: idOf(rule), container: container.name, life };
}
