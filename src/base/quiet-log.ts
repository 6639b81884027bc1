import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './log.ts';

/**
 * For lines that others can cause at will, so that nobody can flood the log: the first of a kind
 * is written at once, then one a minute at most, with the number of those left out (`unlogged`).
 * `kind` tells apart what is counted together.
 */
export interface QuietLog {
  debug(event: string, kind: string, fields?: LogFields): void;
  info(event: string, kind: string, fields?: LogFields): void;
  warn(event: string, kind: string, fields?: LogFields): void;
  error(event: string, kind: string, fields?: LogFields): void;
}

const EVERY_MS = 60_000;
/** Beyond this many kinds the oldest is forgotten: at worst it is logged once more. */
const KINDS_MAX = 256;

export function createQuietLog(log: Logger, clock: Clock): QuietLog {
  const kinds = new Map<string, { loggedMs: number; unlogged: number }>();
  const write =
    (level: keyof QuietLog) =>
    (event: string, kind: string, fields: LogFields = {}): void => {
      const key = `${event} ${kind}`;
      const nowMs = clock.monotonicMs();
      const known = kinds.get(key);
      if (known && nowMs - known.loggedMs < EVERY_MS) {
        known.unlogged++;
        return;
      }
      kinds.delete(key);
      const oldest = kinds.keys().next();
      if (kinds.size >= KINDS_MAX && !oldest.done) kinds.delete(oldest.value);
      kinds.set(key, { loggedMs: nowMs, unlogged: 0 });
      log[level](event, { ...fields, ...(known?.unlogged ? { unlogged: known.unlogged } : {}) });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
