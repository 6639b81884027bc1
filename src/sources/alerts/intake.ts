import {
  type Clock,
  createQuietLog,
  createTokenBucket,
  formatBytes,
  type Logger,
} from '../../base/index.ts';
import type { AlertSignal } from '../../signal/index.ts';
import type { Emit } from '../source.ts';
import type { AlertBody, AlertParser } from './parse.ts';

/** Why an alert did not become a signal. */
export type AlertDropReason = 'too-large' | 'too-many' | 'not-json' | 'bad-shape' | 'stopped';

/** What became of one body. */
export type AlertVerdict =
  | { kind: 'taken'; alerts: number; leftOut: number }
  | { kind: 'dropped'; reason: AlertDropReason; message: string };

/** What both doors share: bounds, parsing, counting, and a log that cannot be flooded. */
export interface AlertIntake {
  /** Judges one body and emits its signals. Never throws. */
  take(body: AlertBody, parse: AlertParser): AlertVerdict;
  /** Counts and logs one that was refused before its body was read. */
  drop(reason: AlertDropReason, message: string): AlertVerdict;
  dropped(): Readonly<Record<string, number>>;
}

export interface AlertIntakeOptions {
  door: AlertSignal['door'];
  bytesMax: number;
  emit: Emit;
  clock: Clock;
  log: Logger;
}

/** The largest body. An alert has 1 to 4 KiB, Alertmanager sends groups of them. */
export const ALERT_BYTES_MAX = 262_144;

/**
 * Each alert costs parsing and a walk through the rules, on the same thread that samples memory.
 * This is far above what a working Falco sends (1 to 4 KiB an alert), and far below what would
 * hold the thread up: a large body, or one with several alerts, counts as several, so that it is
 * 2 MiB a second in the end. JSON made to be slow costs some 100 ms a MiB to parse.
 */
const RATE = { burst: 2_000, refillMs: 2 };
const BYTES_PER_TOKEN = 4_096;
const TOO_MANY = 'too many alerts at once; send fewer';

export function createAlertIntake(options: AlertIntakeOptions): AlertIntake {
  const { door, bytesMax, emit, clock, log } = options;
  const bucket = createTokenBucket({ ...RATE, clock });
  const quiet = createQuietLog(log, clock);
  const counts: Record<string, number> = {};
  const count = (reason: AlertDropReason, message: string, number: number): void => {
    counts[reason] = (counts[reason] ?? 0) + number;
    quiet.warn('alert-dropped', reason, { door, reason, message });
  };
  const drop = (reason: AlertDropReason, message: string): AlertVerdict => {
    count(reason, message, 1);
    return { kind: 'dropped', reason, message };
  };
  return {
    drop,
    dropped: () => ({ ...counts }),
    take(body, parse) {
      const { byteLength } = body.data;
      if (byteLength > bytesMax) return drop('too-large', tooLarge(bytesMax));
      if (!bucket.take(Math.max(1, Math.ceil(byteLength / BYTES_PER_TOKEN)))) {
        return drop('too-many', TOO_MANY);
      }
      const parsed = parse(body, { door, seenMs: clock.wallMs() });
      if (parsed.kind === 'refused') return drop(parsed.reason, parsed.message);
      const { signals, leftOut = [] } = parsed;
      // The first is paid for with its body.
      if (signals.length > 1 && !bucket.take(signals.length - 1)) return drop('too-many', TOO_MANY);
      for (const one of leftOut) count(one.reason, one.message, one.count);
      for (const signal of signals) emit(signal);
      const missing = leftOut.reduce((sum, one) => sum + one.count, 0);
      return { kind: 'taken', alerts: signals.length, leftOut: missing };
    },
  };
}

/** The sentence for an alert over the bound. */
export function tooLarge(bytesMax: number): string {
  return `the alert is larger than ${formatBytes(bytesMax)}`;
}
