import type { Steps } from '../base/index.ts';
import {
  type ContainerFact,
  isRunning,
  type ProbeFact,
  type ReasonCode,
  type Target,
} from '../signal/index.ts';
import { deniedBy, isOf, memoryRulesOf, type RulesCore, reachingOf } from './core.ts';
import { targetOf } from './judge.ts';
import type { Rule } from './rule.ts';
import { selectsContainer } from './select.ts';
import { type MemoryCondition, type MemorySensitivity, sensitivityOf } from './sensitivity.ts';
import type { PodEntry } from './state/pod-table.ts';
import { quietByRule } from './state/quiet.ts';
import type { RulesState } from './state/state.ts';
import type { SchedulePlan, SequenceStep } from './when.ts';

/** A container whose memory a rule waits for, by the rules that reach it alone. */
export interface MemoryThreshold extends MemorySensitivity {
  containerId: string;
  target: Target;
}

/**
 * What the memory source is to sample: every running container that a memory rule reaches and the
 * deny list does not. Ask again after each pod signal and each reload. In steps of one pod each: pods
 * may come, change and go in between; then what was found is of the past and is to be asked for
 * again. With another core it must not be gone on with.
 */
export function* memoryThresholdSteps(
  core: RulesCore,
  state: RulesState,
): Steps<MemoryThreshold[]> {
  const thresholds: MemoryThreshold[] = [];
  const sequences = core.sequences.byKind.memory;
  if (core.memory.length === 0 && sequences.length === 0) return thresholds;
  for (const entry of state.pods.byUid.values()) {
    yield;
    for (const container of entry.fact.containers) {
      if (!isRunning(container)) continue;
      const conditions: MemoryCondition[] = [
        ...memoryRulesOf(core, entry, container).map(({ when }) => when),
        ...stepsOf(core, 'memory', { entry, container }),
      ];
      if (conditions.length === 0 || deniedBy(core, entry, container) !== undefined) continue;
      const target = targetOf({ entry, container });
      thresholds.push({ containerId: target.containerId, target, ...sensitivityOf(conditions) });
    }
  }
  return thresholds;
}

/** The steps of a kind, of the sequence rules that reach the container. */
function stepsOf<K extends SequenceStep['kind']>(
  core: RulesCore,
  kind: K,
  { entry, container }: { entry: PodEntry; container: ContainerFact },
): Extract<SequenceStep, { kind: K }>[] {
  const isOfKind = (one: SequenceStep): one is Extract<SequenceStep, { kind: K }> =>
    one.kind === kind;
  return reachingOf(core, entry, core.sequences.byKind[kind])
    .filter((rule) => selectsContainer(rule.target, container))
    .flatMap(({ when }) => when.steps.filter(isOfKind));
}

/** A probe whose counts a rule waits for. */
export interface ProbeWatch {
  target: Target;
  /** The pod's uid as the kubelet has it. */
  kubeletPodUid: string;
  type: ProbeFact['type'];
  periodMs: number;
}

/**
 * What the probes source is to look at: every probe of a running container that a probe rule
 * reaches and the deny list does not. Ask again after each pod signal and each reload. In steps; see
 * memoryThresholdSteps.
 */
export function* probeWatchSteps(core: RulesCore, state: RulesState): Steps<ProbeWatch[]> {
  const watches: ProbeWatch[] = [];
  const sequences = core.sequences.byKind.probe;
  if (core.probe.length === 0 && sequences.length === 0) return watches;
  for (const entry of state.pods.byUid.values()) {
    yield;
    for (const container of entry.fact.containers) {
      if (container.probes.length === 0 || !isRunning(container)) continue;
      const rules = reachingOf(core, entry, core.probe).filter((rule) =>
        selectsContainer(rule.target, container),
      );
      const types = new Set([
        ...rules.map(({ when }) => when.type),
        ...stepsOf(core, 'probe', { entry, container }).map(({ type }) => type),
      ]);
      if (types.size === 0 || deniedBy(core, entry, container) !== undefined) continue;
      const { uid, staticUid = uid } = entry.fact;
      for (const { type, periodMs } of container.probes) {
        if (!types.has(type)) continue;
        const target = targetOf({ entry, container });
        watches.push({ target, kubeletPodUid: staticUid, type, periodMs });
      }
    }
  }
  return watches;
}

/** A cron line that the schedule source is to tick for. */
export interface ScheduleEntry extends SchedulePlan {
  rule: string;
}

export function scheduleEntries(rules: readonly Rule[]): ScheduleEntry[] {
  return rules
    .filter(({ enabled }) => enabled)
    .filter(isOf('schedule'))
    .map(({ id, when: { kind: _, ...plan } }) => ({ rule: id, ...plan }));
}

/** What was suppressed without a decision since the state was made, by rule and reason. */
export function quietCounts(
  state: RulesState,
): { rule: string; reason: ReasonCode; count: number }[] {
  return [...quietByRule(state.quiet)].flatMap(([rule, reasons]) =>
    [...reasons].map(([reason, count]) => ({ rule, reason, count })),
  );
}
