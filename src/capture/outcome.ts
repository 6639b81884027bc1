import type { Trigger } from '../dispatch/index.ts';
import type { BackendName, ReasonCode } from '../signal/index.ts';
import type { FailureClass } from './failure.ts';
import type { ThawResult } from './thaw.ts';

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
  /** Wall clock of the last frozen sample: the archive shows nothing of what came later. */
  lastFrozenAtMs?: number;
}

/**
 * A file that a failed checkpoint may have left, or may still write. To be adopted when it turns
 * out complete, else removed, once it has stopped growing.
 */
export interface LateArchive {
  /** Absent for the kubelet, which chooses the name; see `beginOfName`. */
  path?: string;
  /** Wall clock: a file begun before that is not this capture's. */
  sinceMs: number;
  /** Wall clock, when the reply was the last word: nothing was begun or written after it. */
  endedMs?: number;
}

/** How a capture ended. Exactly one for each trigger that was taken from the queue. */
export type CaptureOutcome =
  | {
      kind: 'captured';
      trigger: Trigger;
      backend: BackendName;
      /** Why that backend: `rule asks for cri`, `auto: cri socket answers`. */
      backendReason: string;
      /** Absolute path of the archive, not yet verified; with `imagesFolder` not yet there. */
      archivePath: string;
      /** Absolute: the parts of the archive, see images-folder.ts. */
      imagesFolder?: string;
      predictedFreezeMs: number;
      timings: CaptureTimings;
      /** How the thaw check ended; `stuck` is an alarm. */
      thaw?: ThawResult;
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
      thaw?: ThawResult;
      lateArchive?: LateArchive;
    };
