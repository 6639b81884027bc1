import {
  type ContainerFact,
  isRunning,
  type NodeMemorySignal,
  type PodMemory,
  type ReasonCode,
} from '../../../src/signal/index.ts';
import { idOf, type PlainAmount, type PlainRule, type WhenOf } from './plain-rule.ts';
import { isDenied, reaches } from './reach.ts';
import { fire, held, type Known, rulesOfKind, say, suppress, type World } from './world.ts';

const SAID_AGAIN_MS = 600_000;
const CRITICAL = 2_000_000_000;

type NodeRule = PlainRule & { when: WhenOf<'nodeMemory'> };

/** One pod that could go, and the container of it that would be captured. */
interface Candidate {
  known: Known;
  container: ContainerFact;
  isAboveRequest: boolean;
  priority: number;
  aboveRequest: number;
}

export function takeNodeMemory(world: World, signal: NodeMemorySignal): void {
  for (const rule of rulesOfKind(world, 'nodeMemory')) {
    const { below, above = below } = rule.when;
    const { availableBytes, capacityBytes } = signal;
    const isLow = availableBytes < bytesOf(below, capacityBytes);
    const isBack = !isLow && availableBytes >= bytesOf(above, capacityBytes);
    note(world, rule, { what: 'sample', isLow, isBack });
    if (isLow) judge(world, rule, signal);
  }
}

function judge(world: World, rule: NodeRule, signal: NodeMemorySignal): void {
  const all = signal.pods.flatMap((pod) => candidateOf(world, rule, pod) ?? []);
  // Whom nobody goes before.
  const first = all.find((one) => all.every((other) => one === other || goesBefore(one, other)));
  if (!first) {
    if (!isSaid(world, rule, 'not-selected', '')) {
      note(world, rule, { what: 'said', reason: 'not-selected', containerId: '' });
      say(world, 'suppress', 'not-selected', { rule: idOf(rule) });
    }
    return;
  }
  const one = { rule, known: first.known, container: first.container };
  const containerId = first.container.containerId ?? '';
  const isOpen = world.nowMs - lowSinceMs(world, rule) < rule.when.forMs;
  const standing = isOpen ? false : isVictimThere(world, rule);
  const reason: ReasonCode | undefined = isOpen
    ? 'window-open'
    : standing
      ? 'not-rearmed'
      : held(world, one)?.reason;
  if (reason) {
    if (isSaid(world, rule, reason, containerId)) return;
    note(world, rule, { what: 'said', reason, containerId });
    suppress(world, one, reason);
    return;
  }
  const podUid = first.known.pod.uid;
  note(world, rule, { what: 'said', reason: 'fired', containerId });
  note(world, rule, { what: 'fired', podUid, container: first.container.name, containerId });
  fire(world, one);
}

function candidateOf(world: World, rule: NodeRule, measured: PodMemory): Candidate | undefined {
  const known = world.known.find(({ pod }) => pod.uid === measured.podUid);
  if (!known) return undefined;
  const { pod } = known;
  const { priority = 0, memoryRequestBytes = 0 } = pod;
  if (isDenied(pod) || priority >= CRITICAL) return undefined;
  const able = measured.containers.flatMap(({ container: name, containerId, usedBytes }) => {
    const container = pod.containers.find((one) => one.name === name);
    if (!container || container.containerId !== containerId || !isRunning(container)) return [];
    return reaches(rule, pod, container) ? [{ container, usedBytes }] : [];
  });
  const most = Math.max(...able.map(({ usedBytes }) => usedBytes));
  const largest = able.find(({ usedBytes }) => usedBytes === most);
  if (!largest) return undefined;
  const aboveRequest = measured.usedBytes - memoryRequestBytes;
  const isAboveRequest = measured.usedBytes > memoryRequestBytes;
  return { known, container: largest.container, isAboveRequest, priority, aboveRequest };
}

function goesBefore(one: Candidate, other: Candidate): boolean {
  if (one.isAboveRequest !== other.isAboveRequest) return one.isAboveRequest;
  if (one.priority !== other.priority) return one.priority < other.priority;
  if (one.aboveRequest !== other.aboveRequest) return one.aboveRequest > other.aboveRequest;
  const name = ({ known: { pod } }: Candidate) => `${pod.namespace}/${pod.name}`;
  return name(one) < name(other);
}

/** Since the first low sample after the last that was not. */
function lowSinceMs(world: World, rule: NodeRule): number {
  const samples = notesOf(world, rule).filter((one) => one.what === 'sample');
  const lastHigh = samples.findLastIndex(({ isLow }) => !isLow);
  return samples[lastHigh + 1]?.atMs ?? world.nowMs;
}

/** Whether the container it fired for last still runs, and memory has not come back since. */
function isVictimThere(world: World, rule: NodeRule): boolean {
  const notes = notesOf(world, rule);
  const at = notes.findLastIndex(({ what }) => what === 'fired');
  const fired = notes[at];
  if (fired?.what !== 'fired') return false;
  if (notes.slice(at).some((one) => one.what === 'sample' && one.isBack)) return false;
  if (notes.slice(at).some(({ what }) => what === 'ended')) return false;
  const known = world.known.find(({ pod }) => pod.uid === fired.podUid);
  const container = known?.pod.containers.find(({ name }) => name === fired.container);
  const isThere = container?.containerId === fired.containerId && isRunning(container);
  // What was seen to have ended is not waited for again.
  if (!isThere) note(world, rule, { what: 'ended' });
  return isThere;
}

function isSaid(world: World, rule: NodeRule, reason: ReasonCode, containerId: string): boolean {
  const said = notesOf(world, rule).findLast(({ what }) => what === 'said');
  if (said?.what !== 'said' || world.nowMs - said.atMs >= SAID_AGAIN_MS) return false;
  if (reason === 'not-rearmed' && said.reason === 'fired') return true;
  return said.reason === reason && said.containerId === containerId;
}

function bytesOf(amount: PlainAmount, capacityBytes: number): number {
  return 'mib' in amount
    ? amount.mib * 2 ** 20
    : Math.floor((capacityBytes * amount.percent) / 100);
}

function notesOf(world: World, rule: NodeRule) {
  return world.ofNode.filter((one) => one.rule === idOf(rule));
}

type What<T> = T extends unknown ? Omit<T, 'rule' | 'atMs'> : never;

function note(world: World, rule: NodeRule, what: What<World['ofNode'][number]>): void {
  world.ofNode.push({ rule: idOf(rule), atMs: world.nowMs, ...what });
}
