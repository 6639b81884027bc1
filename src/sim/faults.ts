import type { Cancel } from '../base/index.ts';

/** What a simulated checkpoint does instead of succeeding. */
export type CheckpointFault =
  /** CRIU fails: the container goes on, the runtime answers with this code and text. */
  | { kind: 'fail'; code?: GrpcCodeName; text: string }
  /** CRIU never ends; the container stands still until the caller cancels. */
  | { kind: 'hang' }
  /** As when a deadline expires in the middle: an error, and the container is left paused. */
  | { kind: 'leavePaused' }
  /** Success is reported, but these members are not in the archive, which lists cleanly. */
  | { kind: 'missingMembers'; members: readonly string[] }
  /** Success is reported, but the archive ends at this share (0..1) of its bytes. */
  | { kind: 'truncated'; at: number }
  /** The disk fills while the archive is written: an error, and the partial file stays. */
  | { kind: 'diskFull' }
  /** Everything takes this many times as long. */
  | { kind: 'slow'; factor: number }
  /**
   * CRIU is killed: an error, half of its images. In a moment when it has frozen the cgroup, the
   * container stays frozen; while it holds the processes by ptrace, they run, and a shim that had
   * been told to pause says PAUSED for ever.
   */
  | { kind: 'criuKilled'; while: 'frozen' | 'traced' }
  /** Tasks.Pause takes so long. */
  | { kind: 'slowPause'; ms: number }
  /** The changes of the root file system cannot be had. */
  | { kind: 'diffFails'; text: string };

/** At which of the calls a fault shows. */
export type FaultPhase = 'checkpoint' | 'pause' | 'diff';

export type GrpcCodeName =
  | 'OK'
  | 'Canceled'
  | 'Unknown'
  | 'InvalidArgument'
  | 'DeadlineExceeded'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'ResourceExhausted'
  | 'FailedPrecondition'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable';

/** Which checkpoints a fault is for, and for how many. */
export interface FaultScope {
  /** Default: every container. */
  container?: { namespace: string; pod: string; container: string };
  /** Default: for ever. */
  times?: number;
}

interface Entry {
  fault: CheckpointFault;
  scope: FaultScope;
  left: number;
}

/** The faults that are set. The first that fits is taken, in the order of setting. */
export class CheckpointFaults {
  readonly #entries: Entry[] = [];

  /** Sets a fault; the returned function takes it back. */
  set(fault: CheckpointFault, scope: FaultScope = {}): Cancel {
    const entry = { fault, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
    this.#entries.push(entry);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at >= 0) this.#entries.splice(at, 1);
    };
  }

  /** Takes all of them back. */
  clear(): void {
    this.#entries.length = 0;
  }

  /** The fault for one call that begins now; counts it as used. */
  take(
    target: { namespace: string; pod: string; container: string },
    phase: FaultPhase = 'checkpoint',
  ): CheckpointFault | undefined {
    const entry = this.#entries.find(({ fault, scope: { container }, left }) => {
      if (left <= 0 || phaseOf(fault) !== phase) return false;
      if (!container) return true;
      return (
        container.namespace === target.namespace &&
        container.pod === target.pod &&
        container.container === target.container
      );
    });
    if (entry) entry.left--;
    return entry?.fault;
  }
}

function phaseOf({ kind }: CheckpointFault): FaultPhase {
  if (kind === 'slowPause') return 'pause';
  return kind === 'diffFails' ? 'diff' : 'checkpoint';
}
