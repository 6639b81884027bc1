import type { Store } from '../../store/index.ts';

/** When each rule last ticked, beyond the life of the process. Errors: `store`. */
export interface RunMemory {
  lastMs(rule: string): number | undefined;
  remember(rule: string, scheduledMs: number): void;
}

/** Without a store nothing is remembered. */
export function createRunMemory(store: Store | undefined): RunMemory {
  return {
    lastMs(rule) {
      const row = store?.get('SELECT last_ms FROM schedule_run WHERE rule = ?', rule);
      return typeof row?.last_ms === 'number' ? row.last_ms : undefined;
    },
    remember(rule, scheduledMs) {
      store?.run(
        `INSERT INTO schedule_run (rule, last_ms) VALUES (?, ?)
         ON CONFLICT (rule) DO UPDATE SET last_ms = excluded.last_ms`,
        rule,
        scheduledMs,
      );
    },
  };
}
