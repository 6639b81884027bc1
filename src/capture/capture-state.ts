import type { Trigger } from '../dispatch/index.ts';
import type { ContainerCgroup } from '../node/index.ts';
import type { Backend, DumpOrder } from './backend.ts';

/** What the guard settled; holds from `guarded` to the end. */
export interface CapturePlan {
  backend: Backend;
  backendReason: string;
  /** Where the archive goes; for the kubelet only a proposal. */
  archivePath: string;
  predictedFreezeMs: number;
  /** What the prediction counted. */
  imageBytes: number;
  layerBytes: number;
  cgroup?: ContainerCgroup;
  /** For a backend that leaves images. */
  dump?: DumpOrder;
  /** From the trigger's acceptance until now, ms. */
  queuedMs: number;
  guardMs: number;
}

/**
 * A capture is in exactly one of these states.
 *
 * - `queued`: accepted by dispatch. Left by the guard's verdict.
 * - `guarded`: may begin; nothing was asked of anybody. Left once the journal has noted it.
 * - `freezing`: in a race alone: we are about to freeze the container ourselves. Journalled as
 *   `checkpointing`, before it is entered. Left when it stands still, or could not be frozen.
 * - `checkpointing`: the backend was asked; the container may stand still from here on. Journalled
 *   before it is entered. Left by the backend's reply, whatever it is.
 * - `thawing`: the reply is here, the container is not proved to run. Entered without a note in
 *   the journal, which would fsync while it stands still; a crash finds `checkpointing`.
 * - `thawed`: the thaw check is over, the archive is there, unverified. The end for this folder.
 * - `failed`: the thaw check is over, or somebody else had frozen it before the backend asked for
 *   anything; there is no archive of ours.
 */
export type CaptureState =
  | { kind: 'queued'; trigger: Trigger }
  | { kind: 'guarded'; trigger: Trigger; plan: CapturePlan }
  | { kind: 'freezing'; trigger: Trigger; plan: CapturePlan; startedAtMs: number }
  | { kind: 'checkpointing'; trigger: Trigger; plan: CapturePlan; startedAtMs: number }
  | { kind: 'thawing'; trigger: Trigger; plan: CapturePlan }
  | { kind: 'thawed'; trigger: Trigger; plan: CapturePlan; archivePath: string }
  | { kind: 'failed'; trigger: Trigger; plan: CapturePlan };

export function queued(trigger: Trigger): CaptureState {
  return { kind: 'queued', trigger };
}

export function guarded(trigger: Trigger, plan: CapturePlan): CaptureState {
  return { kind: 'guarded', trigger, plan };
}

export function freezing(trigger: Trigger, plan: CapturePlan, startedAtMs: number): CaptureState {
  return { kind: 'freezing', trigger, plan, startedAtMs };
}

export function checkpointing(
  trigger: Trigger,
  plan: CapturePlan,
  startedAtMs: number,
): CaptureState {
  return { kind: 'checkpointing', trigger, plan, startedAtMs };
}

export function thawing(trigger: Trigger, plan: CapturePlan): CaptureState {
  return { kind: 'thawing', trigger, plan };
}

export function thawed(trigger: Trigger, plan: CapturePlan, archivePath: string): CaptureState {
  return { kind: 'thawed', trigger, plan, archivePath };
}

export function failed(trigger: Trigger, plan: CapturePlan): CaptureState {
  return { kind: 'failed', trigger, plan };
}
