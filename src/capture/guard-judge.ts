import { formatBytes, formatDuration } from '../base/index.ts';
import { findContainer, isRunning, type ReasonCode } from '../signal/index.ts';
import { NAME_BYTES_MAX } from './archive-name.ts';
import { predictFreezeMs } from './freeze-model.ts';
import type { GuardFacts, GuardVerdict } from './guard-facts.ts';
import { type ProbeBudget, probeBudget } from './probe-budget.ts';

interface Refusal {
  reason: ReasonCode;
  detail: string;
}

/** One guard: undefined lets the capture pass. */
type Check = (facts: GuardFacts, freezeMs: number) => Refusal | undefined;

/**
 * All guards in order: first whose container it is, then whether it lives, then whether somebody
 * else works on it, then what the capture would cost. The first refusal counts.
 */
const CHECKS: readonly Check[] = [
  denied,
  alive,
  podKnown,
  notFrozen,
  notTraced,
  sizeKnown,
  shortEnough,
  withinProbeBudget,
  nameFits,
  placeFree,
  placeWritable,
  diskStaysFree,
];

/** Judges whether a capture may begin. Pure: equal facts give equal verdicts. */
export function judgeGuard(facts: GuardFacts): GuardVerdict {
  const predictedFreezeMs = facts.size ? predictFreezeMs(facts.costs, facts.size) : 0;
  for (const check of CHECKS) {
    const refusal = check(facts, predictedFreezeMs);
    if (refusal) return { kind: 'refused', ...refusal };
  }
  return { kind: 'ok', predictedFreezeMs, allowedFreezeMs: allowedMs(facts) };
}

function denied(facts: GuardFacts): Refusal | undefined {
  return facts.denied === undefined ? undefined : { reason: 'denied', detail: facts.denied };
}

/** The runtime is the truth about the container; the pod's status may lag behind by seconds. */
function alive(facts: GuardFacts): Refusal | undefined {
  const { container, target, pod } = facts;
  const id = target.containerId.slice(0, 12);
  const known = pod && findContainer(pod, target.container);
  const next = known && isRunning(known) && known.containerId !== target.containerId;
  const ended = (how: string): Refusal =>
    next
      ? { reason: 'life-changed', detail: `${id} ${how}, now ${known.containerId?.slice(0, 12)}` }
      : { reason: 'expired', detail: `${id} ${how}` };
  switch (container.kind) {
    case 'seen':
      if (container.state === 'running') return undefined;
      if (container.state === 'exited') return ended('has exited');
      return { reason: 'not-running', detail: `${id} is ${container.state}` };
    case 'gone':
      return ended('is gone');
    case 'unreachable':
      return { reason: 'no-backend', detail: `the runtime does not answer: ${container.why}` };
    case 'not-asked':
      if (!known) return ended('is gone');
      if (next) return ended('was replaced');
      return isRunning(known) ? undefined : { reason: 'not-running', detail: known.state.kind };
  }
}

/** Task status and freezer, either alone misses a state. */
function notFrozen({ freezer, task }: GuardFacts): Refusal | undefined {
  const frozen = freezer === 'frozen' || freezer === 'freezing';
  const paused = task === 'paused' || task === 'pausing';
  if (!frozen && !paused) return undefined;
  const detail = `freezer ${freezer ?? 'not seen'}, task ${task ?? 'not seen'}`;
  return { reason: 'frozen-already', detail };
}

/** Without its pod nobody knows its probes, nor whether it is on the deny list. */
function podKnown({ pod, target }: GuardFacts): Refusal | undefined {
  if (pod) return undefined;
  return { reason: 'target-unknown', detail: `pod ${target.namespace}/${target.pod} is not known` };
}

function notTraced({ tracer }: GuardFacts): Refusal | undefined {
  if (!tracer) return undefined;
  return {
    reason: 'busy',
    detail: `process ${tracer.pid} is traced by ${tracer.tracedBy}: another checkpoint or a debugger`,
  };
}

function sizeKnown({ size }: GuardFacts): Refusal | undefined {
  if (size) return undefined;
  return {
    reason: 'freeze-too-long',
    detail: 'size unknown: neither its cgroup nor a memory limit can be seen',
  };
}

function allowedByRule({ spec, nowMs }: GuardFacts): number {
  const { freezeMsMax, thawedByMs = Number.POSITIVE_INFINITY } = spec;
  return Math.max(0, Math.min(freezeMsMax, thawedByMs - nowMs));
}

/** For what is not predicted but cut off: as if it lasted long enough for every probe to mind. */
function allowedMs(facts: GuardFacts): number {
  const budget = budgetOf(facts, Number.POSITIVE_INFINITY);
  return Math.min(allowedByRule(facts), budget?.limitMs ?? Number.POSITIVE_INFINITY);
}

function budgetOf(facts: GuardFacts, freezeMs: number): ProbeBudget | undefined {
  const container = facts.pod && findContainer(facts.pod, facts.target.container);
  return container && probeBudget(container.probes, freezeMs, runningForMs(facts));
}

function shortEnough(facts: GuardFacts, freezeMs: number): Refusal | undefined {
  const max = allowedByRule(facts);
  if (freezeMs <= max) return undefined;
  const detail = `${describeFreeze(facts, freezeMs)}, allowed ${formatDuration(max)}`;
  return { reason: 'freeze-too-long', detail };
}

function withinProbeBudget(facts: GuardFacts, freezeMs: number): Refusal | undefined {
  const budget = budgetOf(facts, freezeMs);
  if (!budget || freezeMs < budget.limitMs) return undefined;
  const allowed = `${budget.probe} forgives less than ${formatDuration(budget.limitMs)}`;
  return { reason: 'probe-budget', detail: `${describeFreeze(facts, freezeMs)}; ${allowed}` };
}

function runningForMs({ container, pod, target, nowMs }: GuardFacts): number {
  if (container.kind === 'seen') return nowMs - container.startedAtMs;
  const state = pod && findContainer(pod, target.container)?.state;
  return state?.kind === 'running' ? nowMs - state.startedAtMs : 0;
}

function describeFreeze({ size, costs }: GuardFacts, freezeMs: number): string {
  const { imageBytes = 0, layerBytes = 0 } = size ?? {};
  const part = (what: string, bytes: number, rate: number) =>
    `${what} ${formatBytes(bytes)} at ${formatBytes(rate)}/s`;
  const memory = size?.from === 'limit' ? 'memory up to' : 'memory';
  const parts = [part(memory, imageBytes, costs.bytesPerSecond)];
  if (layerBytes > 0) parts.push(part('files', layerBytes, costs.layerBytesPerSecond));
  if (!costs.learnt) parts.push('rates not learnt yet');
  return `would stand still for ${formatDuration(freezeMs)} (${parts.join(', ')})`;
}

function nameFits({ archive }: GuardFacts): Refusal | undefined {
  if (archive.nameBytes <= NAME_BYTES_MAX) return undefined;
  const detail = `${archive.nameBytes} bytes, at most ${NAME_BYTES_MAX}`;
  return { reason: 'name-too-long', detail };
}

function placeFree({ archive }: GuardFacts): Refusal | undefined {
  if (archive.collidesWith === undefined) return undefined;
  return { reason: 'archive-exists', detail: `${archive.collidesWith} would be written over` };
}

function placeWritable({ archive }: GuardFacts): Refusal | undefined {
  if (archive.notWritable === undefined) return undefined;
  return { reason: 'not-writable', detail: `${archive.directory}: ${archive.notWritable}` };
}

function diskStaysFree({ disks }: GuardFacts): Refusal | undefined {
  const low = disks.find((disk) => disk.availableBytes - disk.needBytes < disk.floorBytes);
  if (!low) return undefined;
  const numbers = [
    `${formatBytes(low.availableBytes)} free`,
    `${formatBytes(low.needBytes)} needed at the peak`,
    `${formatBytes(low.floorBytes)} must stay`,
  ];
  return { reason: 'disk-low', detail: `${low.path}: ${numbers.join(', ')}` };
}
