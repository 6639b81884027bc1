import type { RuleOf } from './rule.ts';

/** What a memory rule, or a step of a sequence, waits for. */
export type MemoryCondition = Pick<RuleOf<'memory'>['when'], 'above' | 'rearmBelow' | 'filling'>;

/** How a container's memory is to be looked at, so that each rule that reaches it hears in time. */
export interface MemorySensitivity {
  /** The least share that any rule waits for: report it from here on. */
  alarmRatio: number;
  /** Once reported, report on until it is below this; absent = until below alarmRatio. */
  clearRatio?: number;
  /** Every share that a rule waits for, ascending; absent = alarmRatio alone. */
  crossings?: readonly Crossing[];
  /** Report it also when one of these holds: full within the time, and used from the share on. */
  fillings?: readonly Filling[];
}

/**
 * A share that a rule waits for, or several close together, the highest being `upTo`; crossed anew
 * after a fall under `clearRatio`.
 */
export interface Crossing {
  ratio: number;
  upTo?: number;
  clearRatio?: number;
}

export interface Filling {
  withinMs: number;
  floorRatio: number;
}

/** Shares within one hundredth are one crossing: 100 at most. */
const stepOf = (ratio: number): number => Math.ceil(Math.round(ratio * 1e6) / 1e4);
const FILLINGS_MAX = 8;

/** Enough for every condition; each rule judges what it is told by itself. */
export function sensitivityOf(conditions: readonly MemoryCondition[]): MemorySensitivity {
  const clears = conditions.flatMap(({ rearmBelow }) => rearmBelow ?? []);
  const crossings = crossingsOf(conditions);
  const fillings = fillingsOf(conditions.flatMap(({ filling }) => filling ?? []));
  return {
    alarmRatio: Math.min(...conditions.map(({ above }) => above)),
    ...(clears.length > 0 ? { clearRatio: Math.min(...clears) } : {}),
    ...(isPlain(crossings) ? {} : { crossings }),
    ...(fillings.length > 0 ? { fillings } : {}),
  };
}

/** One share, which the least one tells already. */
function isPlain(crossings: readonly Crossing[]): boolean {
  const [{ upTo, clearRatio } = {}, ...others] = crossings;
  return others.length === 0 && upTo === undefined && clearRatio === undefined;
}

function crossingsOf(conditions: readonly MemoryCondition[]): Crossing[] {
  const byStep = new Map<number, MemoryCondition[]>();
  for (const one of conditions) {
    const step = stepOf(one.above);
    const same = byStep.get(step);
    if (same) same.push(one);
    else byStep.set(step, [one]);
  }
  const crossings = [...byStep.values()].map((together): Crossing => {
    const ratio = Math.min(...together.map(({ above }) => above));
    const upTo = Math.max(...together.map(({ above }) => above));
    const clears = together.flatMap(({ rearmBelow }) => rearmBelow ?? []);
    return {
      ratio,
      ...(upTo > ratio ? { upTo } : {}),
      ...(clears.length > 0 ? { clearRatio: Math.max(...clears) } : {}),
    };
  });
  return crossings.sort((one, other) => one.ratio - other.ratio);
}

/**
 * Without those that another one includes. What exceeds the bound is told by one that includes it,
 * which reports more often than it must.
 */
function fillingsOf(given: NonNullable<MemoryCondition['filling']>[]): Filling[] {
  const kept: Filling[] = [];
  let longestMs = 0;
  const byFloor = [...given].sort((a, b) => a.floor - b.floor || b.withinMs - a.withinMs);
  for (const { withinMs, floor } of byFloor) {
    if (withinMs <= longestMs) continue;
    longestMs = withinMs;
    const last = kept.at(-1);
    if (kept.length === FILLINGS_MAX && last) last.withinMs = withinMs;
    else kept.push({ withinMs, floorRatio: floor });
  }
  return kept;
}
