import { isRunning, type ReasonCode, type Target } from '../signal/index.ts';
import { deniedBy, isOf, memoryRulesOf, type RulesCore } from './core.ts';
import { targetOf } from './judge.ts';
import type { Rule } from './rule.ts';
import type { RulesState } from './state.ts';

/** A container whose memory a rule waits for. */
export interface MemoryThreshold {
  containerId: string;
  target: Target;
  /** The least `above` of the rules that reach it: report it from here on. */
  alarmRatio: number;
}

/**
 * What the memory source is to sample: every running container that a memory rule reaches and the
 * deny list does not. Ask again after each pod signal and each reload.
 */
export function memoryThresholds(core: RulesCore, state: RulesState): MemoryThreshold[] {
  const thresholds: MemoryThreshold[] = [];
  if (core.memory.length === 0) return thresholds;
  for (const entry of state.pods.byUid.values()) {
    for (const container of entry.fact.containers) {
      if (!isRunning(container)) continue;
      const rules = memoryRulesOf(core, entry, container);
      if (rules.length === 0 || deniedBy(core, entry, container) !== undefined) continue;
      const target = targetOf({ entry, container });
      const alarmRatio = Math.min(...rules.map(({ when }) => when.above));
      thresholds.push({ containerId: target.containerId, target, alarmRatio });
    }
  }
  return thresholds;
}

/** A cron line that the schedule source is to tick for. */
export interface ScheduleEntry {
  rule: string;
  cron: string;
  timeZone: string;
}

export function scheduleEntries(rules: readonly Rule[]): ScheduleEntry[] {
  return rules
    .filter(isOf('schedule'))
    .map(({ id, when }) => ({ rule: id, cron: when.cron, timeZone: when.timeZone }));
}

/** What was suppressed without a decision since the state was made, by rule and reason. */
export function quietCounts(
  state: RulesState,
): { rule: string; reason: ReasonCode; count: number }[] {
  return [...state.quiet].flatMap(([rule, reasons]) =>
    [...reasons].map(([reason, count]) => ({ rule, reason, count })),
  );
}
