/**
 * sources/schedule: turns the cron lines of schedule rules into ticks, each scheduled time once,
 * and remembers the last one of each rule. It does not choose targets and catches nothing up:
 * what it missed it says.
 */

export type { ScheduleEntry } from './due.ts';
export {
  createScheduleSource,
  type ScheduleSource,
  type ScheduleSourceOptions,
} from './schedule-source.ts';
