import type { TaskState } from '../cri/index.ts';
import type { FreezerState } from '../node/index.ts';
import type { CaptureSpec } from '../rules/index.ts';
import type { BackendName, PodFact, ReasonCode, Target } from '../signal/index.ts';
import type { FreezeCosts } from './backend.ts';
import type { FreezeBytes } from './freeze-model.ts';
import type { Tracer } from './tracer.ts';

/** Everything the guard knows about one capture before it begins. Plain data. */
export interface GuardFacts {
  /** Wall clock. */
  nowMs: number;
  target: Target;
  spec: CaptureSpec;
  backend: BackendName;
  /** Absent when the pod is not (or no longer) known. */
  pod?: PodFact;
  /** Why the target is on the deny list. */
  denied?: string;
  container: ContainerSight;
  /** Absent when the cgroup cannot be seen. */
  freezer?: FreezerState;
  /** containerd's view; absent elsewhere. */
  task?: TaskState;
  /** A process of the container that is traced: another checkpoint, or a debugger. */
  tracer?: Tracer;
  /** Absent when nothing tells how large the container is. */
  size?: CaptureSize;
  costs: FreezeCosts & { learnt: boolean };
  disks: readonly DiskFact[];
  archive: ArchivePlace;
}

/** What the runtime says of the container now. */
export type ContainerSight =
  | { kind: 'seen'; state: 'created' | 'running' | 'exited' | 'unknown'; startedAtMs: number }
  | { kind: 'gone' }
  /** The runtime does not answer. */
  | { kind: 'unreachable'; why: string }
  /** No runtime socket is configured: only the pod's status speaks. */
  | { kind: 'not-asked' };

/** What a checkpoint copies while the container stands still. */
export interface CaptureSize extends FreezeBytes {
  /** `limit`: only the memory limit is known, an upper bound. */
  from: 'cgroup' | 'limit';
}

export interface DiskFact {
  path: string;
  needBytes: number;
  availableBytes: number;
  /** The kubelet's eviction threshold plus our margin. */
  floorBytes: number;
}

/** Where the archive goes. */
export interface ArchivePlace {
  directory: string;
  /** The longest name it can get. */
  nameBytes: number;
  /** A file that the runtime would write over. */
  collidesWith?: string;
  notWritable?: string;
}

/** The guard's word. */
export type GuardVerdict =
  | {
      kind: 'ok';
      predictedFreezeMs: number;
      /** How long it may stand still by the rule and its probes, whatever was predicted. */
      allowedFreezeMs: number;
    }
  | { kind: 'refused'; reason: ReasonCode; detail: string };
