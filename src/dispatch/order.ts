import type { Trigger } from './trigger.ts';

/**
 * Which of two waiting triggers goes first: the one whose container is expected to die earlier (one
 * that is not expected to die goes after all that are), then that of the higher priority, then the
 * one that waits longer. 0 for two of one moment: a stable sort keeps the order of acceptance.
 */
export function compareUrgency(left: Trigger, right: Trigger): number {
  const deathGap = deathExpectedAtMs(left) - deathExpectedAtMs(right);
  if (deathGap !== 0 && !Number.isNaN(deathGap)) return deathGap;
  const priorityGap = priorityOf(right) - priorityOf(left);
  if (priorityGap !== 0) return priorityGap;
  return left.acceptedMs - right.acceptedMs;
}

/** The earliest expected death that any of the trigger's decisions names; Infinity for none. */
export function deathExpectedAtMs(trigger: Trigger): number {
  return Math.min(
    ...trigger.decisions.map((decision) => decision.deathExpectedAtMs ?? Number.POSITIVE_INFINITY),
  );
}

/** The highest priority of the rules whose decisions joined the trigger. */
function priorityOf(trigger: Trigger): number {
  return Math.max(...trigger.decisions.map(({ priority = 0 }) => priority));
}
