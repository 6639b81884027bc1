/**
 * sources/schedule: turns the cron lines of schedule rules into ticks, each scheduled time once,
 * and remembers the last one of each rule. It does not choose targets; of what it missed it catches
 * up what the rule wants, and says the rest.
 */

export type { ScheduleEntry } from './due.ts';
export {
  createScheduleSource,
  type ScheduleSource,
  type ScheduleSourceOptions,
} from './schedule-source.ts';
