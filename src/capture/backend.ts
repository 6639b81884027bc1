import type { BackendName, Target } from '../signal/index.ts';
import type { FailureClass } from './failure.ts';

/** What a backend is asked to do. */
export interface CheckpointRequest {
  target: Target;
  /**
   * Where the archive is to be written; absolute, absent so far, in the checkpoints directory. The
   * kubelet backend cannot choose: it ignores this and reports its own path.
   */
  archivePath: string;
  timeoutMs: number;
}

/** What a backend reports; never thrown. */
export type CheckpointReply =
  | { kind: 'done'; archivePath: string }
  | {
      /** CRIU has dumped; the archive is to be made of what lies in `folder`. */
      kind: 'dumped';
      folder: string;
      /**
       * Once the container is proved to run: takes what is not there yet and notes in the folder
       * that the dump ended well. Rejects with a StillpointError; the dump is lost then.
       */
      complete(signal: AbortSignal): Promise<void>;
    }
  | {
      kind: 'failed';
      failure: FailureClass;
      /** The other side's words, cut to 4 KiB. */
      message: string;
      /** Better than the hint of the class, where the reply itself tells what is missing. */
      hint?: string;
      /** The call was given up by us or by a deadline: it may still write its archive later. */
      mayFinishLater: boolean;
    };

/**
 * Predicted stop = fixedMs + image bytes / bytesPerSecond + layer bytes / layerBytesPerSecond. The
 * writable layer is packed (containerd: gzip) while the container stands still, which is several
 * times slower than copying its memory.
 */
export interface FreezeCosts {
  bytesPerSecond: number;
  layerBytesPerSecond: number;
  fixedMs: number;
}

/**
 * What a runtime that copies through its content store costs before this node has taught us
 * better; cautious, so that a first capture is rather refused than too long. Measured on two slow
 * cores: memory at 300 MB/s, an incompressible layer at 18 to 38 MB/s.
 */
export const RUNTIME_COSTS: FreezeCosts = {
  bytesPerSecond: 150e6,
  layerBytesPerSecond: 20e6,
  fixedMs: 200,
};

/**
 * Whether a backend can be used now, and why not. `doubtful`: it was away or refused us when it was
 * last seen, which may be long ago; it is tried all the same where nothing better is there.
 */
export interface Availability {
  kind: 'available' | 'doubtful' | 'absent';
  why: string;
}

/**
 * One way to ask for a checkpoint. Called by the capture state machine only, one call at a time
 * for a container. Aborting `signal` gives the call up in the way that is safe for the backend
 * (kubelet: close the connection; cri: cancel, never a deadline); the backend then still waits
 * for the other side as far as it can and resolves with `mayFinishLater`.
 */
export interface Backend {
  readonly name: BackendName;
  /** `cri` and `containerd` choose the path; the kubelet does not. */
  readonly choosesPath: boolean;
  /** How long a container stands still, before this node has taught us better. */
  readonly costs: FreezeCosts;
  /** Whether it can be used now; asked before each choice, must be cheap (cached). */
  availability(): Promise<Availability>;
  checkpoint(request: CheckpointRequest, signal: AbortSignal): Promise<CheckpointReply>;
}
