import { nextCronMs } from '../../base/index.ts';
import type { Signal, TickSignal, WakeSignal } from '../../signal/index.ts';
import { type ScheduleEntry, scheduleEntries } from '../derive.ts';
import type { Rule } from '../rule.ts';
import type { RulesState } from '../state/state.ts';

/** The waits and ticks of rules that were not there when the recording was made. */
export interface OwnTime {
  /** Ticks are those after this time. */
  begin(atMs: number): void;
  /** Gives, in their order, the wakes and ticks that are due before `untilMs`. */
  advance(state: RulesState, untilMs: number, give: (signal: Signal) => void): void;
}

/** A cron line of every second over a day has fewer; more is a loop of ours. */
const DUE_MAX = 100_000;

export function createOwnTime(rules: readonly Rule[]): OwnTime {
  const ticks = scheduleEntries(rules)
    .filter(({ suspend }) => !suspend)
    .map((entry) => ({
      entry,
      nextMs: Number.POSITIVE_INFINITY,
    }));
  return {
    begin(atMs) {
      for (const tick of ticks) {
        if (!Number.isFinite(tick.nextMs)) tick.nextMs = after(tick.entry, atMs);
      }
    },
    advance(state, untilMs, give) {
      for (let count = 0; count < DUE_MAX; count++) {
        const wakeMs = state.timers[0]?.dueMs ?? Number.POSITIVE_INFINITY;
        const tick = ticks.reduce<(typeof ticks)[number] | undefined>(
          (first, one) => (first && first.nextMs <= one.nextMs ? first : one),
          undefined,
        );
        const tickMs = tick?.nextMs ?? Number.POSITIVE_INFINITY;
        if (Math.min(wakeMs, tickMs) > untilMs) return;
        if (tick && tickMs <= wakeMs) {
          give(tickOf(tick.entry, tickMs));
          tick.nextMs = after(tick.entry, tickMs);
        } else {
          give(wakeOf(Math.max(wakeMs, state.nowMs)));
        }
      }
    },
  };
}

function after({ cron, timeZone }: ScheduleEntry, atMs: number): number {
  return nextCronMs(cron, timeZone, atMs);
}

function tickOf({ rule }: ScheduleEntry, atMs: number): TickSignal {
  return { kind: 'tick', rule, scheduledMs: atMs, occurredMs: atMs, seenMs: atMs };
}

function wakeOf(atMs: number): WakeSignal {
  return { kind: 'wake', occurredMs: atMs, seenMs: atMs };
}
