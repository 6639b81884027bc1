import type { PodFact, Signal } from '../../../src/signal/index.ts';
import { takeAlert } from './alert.ts';
import { armOf, takeCrashes, wakeCrashLoop } from './crash-loop.ts';
import { takeEvent, takeRequest, takeTermination, takeTick } from './kinds.ts';
import type { PlainDefaults } from './limits.ts';
import { letGoOfMemory, memoryDueMs, takeMemory, wakeMemory } from './memory.ts';
import { takeNodeMemory } from './node-memory.ts';
import { idOf, type PlainRule } from './plain-rule.ts';
import { takeProbe } from './probe.ts';
import { reaches } from './reach.ts';
import {
  advance,
  type Known,
  type PlainCase,
  type PlainDecision,
  rulesOfKind,
  type World,
} from './world.ts';

/**
 * The rules of the language by brute force: for every signal it looks at every rule and every
 * container, and works out from lists of all that ever happened what is to be said. No index, no
 * cache, no timer, nothing is ever forgotten or moved.
 *
 * Not covered: `where`, the kind sequence, conditions of fields other than equals, in, a beginning
 * and exists, details, trails and expected deaths of decisions, firings that capture refuses, and
 * more pods or scopes than are kept.
 */
export interface Oracle {
  /** In the order of the rules; of one rule first what the signal led to, then what was due. */
  take(signal: Signal, wallMs: number): PlainDecision[];
  /** The next time at which something is decided without a signal; wall clock. */
  dueMs(): number | undefined;
}

export interface OracleOptions {
  mode: 'enforce' | 'observe';
  defaults: PlainDefaults;
}

export function createOracle(rules: readonly PlainRule[], options: OracleOptions): Oracle {
  const world: World = {
    rules,
    nodeName: 'node-1',
    ...options,
    known: [],
    firings: [],
    ofNode: [],
    wallMs: Number.NEGATIVE_INFINITY,
    skewMs: 0,
    nowMs: Number.NEGATIVE_INFINITY,
    decisions: [],
  };
  return {
    take(signal, wallMs) {
      world.decisions = [];
      advance(world, wallMs);
      takeSignal(world, signal);
      takeDue(world);
      return inOrder(world);
    },
    dueMs() {
      const [first] = waiting(world);
      return first && first.dueMs - world.skewMs;
    },
  };
}

function takeSignal(world: World, signal: Signal): void {
  switch (signal.kind) {
    case 'podChanged':
      takePod(world, signal.pod, signal.initial);
      break;
    case 'podGone':
      world.known = world.known.filter(({ pod }) => pod.uid !== signal.uid);
      break;
    case 'event':
      takeEvent(world, signal);
      break;
    case 'memory':
      takeMemory(world, signal);
      break;
    case 'nodeMemory':
      takeNodeMemory(world, signal);
      break;
    case 'alert':
      takeAlert(world, signal);
      break;
    case 'tick':
      takeTick(world, signal);
      break;
    case 'request':
      takeRequest(world, signal);
      break;
    case 'probe':
      takeProbe(world, signal);
      break;
    case 'wake':
      break;
  }
}

/** A name belongs to one pod at a time: of its former bearer nothing is held any more. */
function takePod(world: World, pod: PodFact, isInitial: boolean): void {
  world.known = world.known.filter(
    (one) =>
      one.pod.uid === pod.uid || one.pod.namespace !== pod.namespace || one.pod.name !== pod.name,
  );
  let known = world.known.find((one) => one.pod.uid === pod.uid);
  const before = known?.pod;
  if (!known) {
    known = createKnown(pod);
    world.known.push(known);
  }
  for (const { name, containerId } of pod.containers) {
    const former = before?.containers.find((one) => one.name === name);
    const isNew = !former || former.containerId !== containerId;
    if (isNew) known.lives.set(name, (known.lives.get(name) ?? 0) + 1);
  }
  known.pod = pod;
  letGo(world, known);
  takeCrashes(world, known, isInitial ? undefined : before);
  takeTermination(world, known, before);
}

function createKnown(pod: PodFact): Known {
  return {
    pod,
    lives: new Map(),
    samples: [],
    occurrences: [],
    failures: [],
    arms: [],
    rows: [],
  };
}

function letGo(world: World, known: Known): void {
  for (const container of known.pod.containers) {
    for (const rule of world.rules) {
      if (reaches(rule, known.pod, container)) continue;
      const one = { rule, known, container };
      letGoOfMemory(world, one);
      known.arms = known.arms.filter((arm) => arm !== armOf(one));
    }
  }
}

/** Everything that waits for a time, the earliest first. */
function waiting(world: World) {
  const found: { dueMs: number; key: string; wake: () => void }[] = [];
  const add = (dueMs: number | undefined, one: PlainCase, wake: () => void) => {
    if (dueMs === undefined) return;
    const key = [one.known.pod.uid, one.container.name, idOf(one.rule)].join(' ');
    found.push({ dueMs, key, wake });
  };
  for (const known of world.known) {
    for (const container of known.pod.containers) {
      for (const rule of rulesOfKind(world, 'memory')) {
        const one = { rule, known, container };
        add(memoryDueMs(one), one, () => wakeMemory(world, one));
      }
      for (const rule of rulesOfKind(world, 'crashLoop')) {
        const one = { rule, known, container };
        add(armOf(one)?.dueMs, one, () => wakeCrashLoop(world, one));
      }
    }
  }
  return found.sort((a, b) => a.dueMs - b.dueMs || (a.key < b.key ? -1 : 1));
}

function takeDue(world: World): void {
  for (const { dueMs, wake } of waiting(world)) {
    if (dueMs <= world.nowMs) wake();
  }
}

function inOrder({ rules, decisions }: World): PlainDecision[] {
  const place = ({ rule }: PlainDecision) => rules.findIndex((one) => idOf(one) === rule);
  return [...decisions].sort((a, b) => place(a) - place(b));
}
