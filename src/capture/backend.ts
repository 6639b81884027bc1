import type { RuntimeContainerStatus } from '../cri/index.ts';
import type { ContainerCgroup } from '../node/index.ts';
import type { CheckpointOptions } from '../rules/index.ts';
import type { BackendName, Target } from '../signal/index.ts';
import type { FailureClass } from './failure.ts';
import type { Sequencing } from './sequence.ts';

/** What a backend is asked to do. */
export interface CheckpointRequest {
  target: Target;
  /**
   * Where the archive is to be written; absolute, absent so far, in the checkpoints directory. The
   * kubelet backend cannot choose: it ignores this and reports its own path.
   */
  archivePath: string;
  timeoutMs: number;
  /** For a backend that leaves images: always there. */
  dump?: DumpOrder;
}

/** How a backend that leaves images is to go about it. */
export interface DumpOrder extends Sequencing {
  options: CheckpointOptions;
  /** Absolute; does not exist so far. */
  imagesDirectory: string;
  /** As the guard saw it. */
  status: RuntimeContainerStatus;
  cgroup?: ContainerCgroup;
  /** Allowed from the freeze to the thaw by rule and probes, ms; holds for what can be cut off. */
  freezeMsMax: number;
  /** Wall clock; the same. */
  thawedByMs?: number;
  /** Called when the container stands still, or will as soon as CRIU begins; returns at once. */
  onFrozen?(): void;
}

/** A freeze of ours, whose end the thaw check has to prove. */
export interface HeldFreeze {
  frozenBy: 'task' | 'freezer';
  /** Lets the guard process forget it; call once the container is proved to run. */
  release(): void;
}

/** What a backend reports; never thrown. */
export type CheckpointReply =
  | { kind: 'done'; archivePath: string }
  | {
      /** CRIU has dumped; the archive is to be made of what lies in `folder`. */
      kind: 'dumped';
      folder: string;
      /** How long the container stood still, ms; undefined where nobody can tell. */
      stoodStillMs?: number;
      /** Other bytes were copied meanwhile than was planned: the stop teaches no rates. */
      unlikePlan?: true;
      held?: HeldFreeze;
      /**
       * Once the container is proved to run: takes what is not there yet and notes in the folder
       * that the dump ended well. Rejects with a StillpointError; the dump is lost then.
       */
      complete(signal: AbortSignal): Promise<void>;
      /** Instead of `complete`, or after it has failed; as of a failed reply. */
      discard(): Promise<void>;
    }
  | {
      /** Somebody else has frozen it since the guard looked: nothing was asked, nobody thaws it. */
      kind: 'frozen-already';
      detail: string;
      /** As of a failed reply. */
      discard(): Promise<void>;
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
      held?: HeldFreeze;
      /**
       * Call after the thaw check: removes what the checkpoint left, or sees to it that it is
       * removed once nobody writes there. Never rejects.
       */
      discard?(): Promise<void>;
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
  /** It leaves CRIU's images in a folder and knows sequences; the others make the archive. */
  readonly leavesImages?: true;
  /** How long a container stands still, before this node has taught us better. */
  readonly costs: FreezeCosts;
  /** Whether it can be used now; asked before each choice, must be cheap (cached). */
  availability(): Promise<Availability>;
  /** Why it cannot take this container; undefined when it can, or when nothing speaks against it. */
  objection?(status: RuntimeContainerStatus): string | undefined;
  checkpoint(request: CheckpointRequest, signal: AbortSignal): Promise<CheckpointReply>;
}
