import type { ArchiveRecord } from '../archive/index.ts';
import type { CaptureOutcome } from '../capture/index.ts';
import type { Trigger } from '../dispatch/index.ts';
import type { Decision } from '../rules/index.ts';
import type { ReasonCode } from '../signal/index.ts';

/**
 * How a decision to fire ended, seen from outside.
 * archived: there is an archive and a record. broken: the runtime said done, the archive is not
 * complete. refused, failed: see CaptureOutcome. not-accepted: dispatch did not take it.
 */
export type TriggerOutcome =
  | { kind: 'archived'; trigger: Trigger; record: ArchiveRecord }
  | { kind: 'broken'; trigger: Trigger; archive: string; findings: readonly string[] }
  | Extract<CaptureOutcome, { kind: 'refused' | 'failed' }>
  | { kind: 'not-accepted'; decision: Decision; reason: ReasonCode; detail: string };

/**
 * Tells the world outside what was decided and how it ended. Calls return at once and never throw:
 * what cannot be told is counted in `dropped` and logged, and nothing on the street waits for it.
 */
export interface Output {
  readonly name: string;
  /** Each decision of the rules core. */
  decided(decision: Decision): void;
  /** Once for each trigger, and once for each decision to fire that was not accepted. */
  ended(outcome: TriggerOutcome): void;
  /** What could not be told, by reason; grows only. */
  dropped(): Readonly<Record<string, number>>;
  /** Sends what is waiting, for 2 s at most. */
  stop(): Promise<void>;
}
