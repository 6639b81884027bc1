import {
  type Clock,
  createQuietLog,
  createTokenBucket,
  formatBytes,
  type Logger,
} from '../../base/index.ts';
import type { AlertSignal } from '../../signal/index.ts';
import type { Emit } from '../source.ts';
import { parseFalcoAlert } from './falco.ts';

/** Why an alert did not become a signal. */
export type AlertDropReason = 'too-large' | 'too-many' | 'not-json' | 'bad-shape' | 'stopped';

/** What became of one body. */
export type AlertVerdict =
  | { kind: 'taken' }
  | { kind: 'dropped'; reason: AlertDropReason; message: string };

/** What both doors share: bounds, parsing, counting, and a log that cannot be flooded. */
export interface AlertIntake {
  /** Judges one body and emits its signal. Never throws. */
  take(body: Uint8Array): AlertVerdict;
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

/**
 * Each alert costs parsing and a walk through the rules, on the same thread that samples memory.
 * This is far above what a working Falco sends (1 to 4 KiB an alert), and far below what would
 * hold the thread up: a large body counts as several, so that it is 4 MiB a second in the end.
 */
const RATE = { burst: 2_000, refillMs: 2 };
const BYTES_PER_TOKEN = 8_192;

export function createAlertIntake(options: AlertIntakeOptions): AlertIntake {
  const { door, bytesMax, emit, clock, log } = options;
  const bucket = createTokenBucket({ ...RATE, clock });
  const quiet = createQuietLog(log, clock);
  const counts: Record<string, number> = {};
  const drop = (reason: AlertDropReason, message: string): AlertVerdict => {
    counts[reason] = (counts[reason] ?? 0) + 1;
    quiet.warn('alert-dropped', reason, { door, reason, message });
    return { kind: 'dropped', reason, message };
  };
  return {
    drop,
    dropped: () => ({ ...counts }),
    take(body) {
      if (body.byteLength > bytesMax) return drop('too-large', tooLarge(bytesMax));
      const cost = Math.max(1, Math.ceil(body.byteLength / BYTES_PER_TOKEN));
      if (!bucket.take(cost)) return drop('too-many', 'too many alerts at once; send fewer');
      const parsed = parseFalcoAlert(body, door, clock.wallMs());
      if (parsed.kind === 'refused') return drop(parsed.reason, parsed.message);
      emit(parsed.signal);
      return { kind: 'taken' };
    },
  };
}

/** The sentence for an alert over the bound. */
export function tooLarge(bytesMax: number): string {
  return `the alert is larger than ${formatBytes(bytesMax)}`;
}
