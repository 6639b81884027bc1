import type { Trigger } from '../dispatch/index.ts';
import type { BackendName, ReasonCode } from '../signal/index.ts';
import type { FailureClass } from './failure.ts';

/** Moments and lengths of one capture; ms, monotonic differences but for the wall-clock start. */
export interface CaptureTimings {
  startedAtMs: number;
  /** From the trigger's acceptance to the start. */
  queuedMs: number;
  guardMs: number;
  /** From the request to the backend until its reply. */
  checkpointMs: number;
  /** How long the container stood still as far as the freezer shows; absent when not watched. */
  frozenMs?: number;
}

/** How a capture ended. Exactly one for each trigger that was taken from the queue. */
export type CaptureOutcome =
  | {
      kind: 'captured';
      trigger: Trigger;
      backend: BackendName;
      /** Why that backend: `rule asks for cri`, `auto: cri socket answers`. */
      backendReason: string;
      /** Absolute path of the archive, not yet verified. */
      archivePath: string;
      predictedFreezeMs: number;
      timings: CaptureTimings;
    }
  | { kind: 'refused'; trigger: Trigger; reason: ReasonCode; detail: string }
  | {
      kind: 'failed';
      trigger: Trigger;
      backend: BackendName;
      failure: FailureClass;
      message: string;
      hint: string;
      retryable: boolean;
      timings: CaptureTimings;
    };
