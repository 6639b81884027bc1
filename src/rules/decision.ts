import type { BackendChoice, Owner, ReasonCode, SignalKind, Target } from '../signal/index.ts';
import type { Trail } from './trail.ts';

/** How a capture is to be done, taken from the rule (defaults filled in). */
export interface CaptureSpec {
  via: BackendChoice;
  /** How long the whole call may take. Kubelet path: only raises its own 2 minutes. */
  timeoutMs: number;
  /** Refuse what is predicted to stand still longer. */
  freezeMsMax: number;
  /** Wall clock: refuse what is predicted to stand still beyond it. Absent = no such time. */
  thawedByMs?: number;
  /** Whether the container is frozen before CRIU is called. Absent = auto, as all that follow. */
  sequence?: SequenceChoice;
  /** When the changes of the root file system are taken. */
  consistency?: ConsistencyChoice;
  /** Absent = all off. */
  options?: CheckpointOptions;
  /** Where CRIU's images lie until the archive is made. Absent = disk. */
  images?: ImagesChoice;
}

/** `race`: freeze, checkpoint, thaw. `calm`: CRIU freezes by itself, nothing of ours can be left. */
export type SequenceChoice = 'auto' | 'race' | 'calm';

/** `frozen`: while the container stands still, which implies a freeze of ours. `running`: after. */
export type ConsistencyChoice = 'auto' | 'frozen' | 'running';

/** `memory`: on a tmpfs, where it has room and the node stays clear of its eviction threshold. */
export type ImagesChoice = 'disk' | 'memory';

/** What CRIU may dump that it refuses by itself; only the containerd backend can say so. */
export interface CheckpointOptions {
  tcpEstablished: boolean;
  fileLocks: boolean;
  externalUnixSockets: boolean;
}

/** What is kept of the signal that led to a decision: goes into journal, record and log. */
export interface SignalSummary {
  kind: SignalKind;
  occurredMs: number;
  seenMs: number;
  /** One line for people: `Unhealthy: Liveness probe failed: …`, `memory 87 % of 256 MiB`. */
  text: string;
  /** The facts for machines; for an alert its whole flattened payload. Bounded to 64 KiB. */
  data: Readonly<Record<string, unknown>>;
}

/** What the rules core says about a signal for one rule and one target. */
export interface Decision {
  /** `fire` goes on to dispatch; `arm` waits for `wakeAt`; `suppress` ends here. */
  verdict: 'fire' | 'arm' | 'suppress';
  reason: ReasonCode;
  /** The numbers behind the reason: `until 12:04:10`, `87 % >= 85 %`. */
  detail: string;
  /** Which part was true, which false, with the values. Bounded to 32 short parts. */
  trail: Trail;
  rule: string;
  atMs: number;
  /** Absent when none could be resolved (`target-unknown`, `elsewhere`). */
  target?: Target;
  /** Who stands behind the pod, else who owns it; a bare pod is its own. Only of what fires. */
  owner?: Owner;
  signal: SignalSummary;
  capture: CaptureSpec;
  /** rule.retain.class: retention policies select on it. */
  retainClass: string;
  /** Of the rule: among captures that wait the higher goes first. Absent = 0. */
  priority?: number;
  /** When the container is expected to be dead, wall clock; earliest is captured first. */
  deathExpectedAtMs?: number;
}
