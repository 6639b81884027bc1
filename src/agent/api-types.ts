import type { ArchiveRecord } from '../archive/index.ts';
import type { Availability, RecoveryDecision } from '../capture/index.ts';
import type { GuardStatus } from '../lease/index.ts';
import type { Trail } from '../rules/index.ts';
import type { BackendChoice, BackendName, ReasonCode } from '../signal/index.ts';
import type { SourceStatus } from '../sources/index.ts';
import type { RecordingStatus } from './recorder.ts';

/** What GET /v1/status of the agent's socket answers. */
export interface AgentStatus {
  version: string;
  node: string;
  startedMs: number;
  /** `observe`: no rule captures anything, whatever its own mode. */
  mode: 'enforce' | 'observe';
  /** What the configuration on disk says and is not in force. */
  warnings: readonly string[];
  sources: readonly { name: string; status: SourceStatus; dropped: Record<string, number> }[];
  /** The guard process: while it is absent the agent pauses nothing. */
  guard: GuardStatus;
  /** `doubtful`: away or refusing when it was last seen; `why` says when that was. */
  backends: readonly { name: BackendName; state: Availability['kind']; why: string }[];
  rules: {
    loaded: readonly {
      id: string;
      kind: string;
      mode: string;
      /** Signals without a decision since the start, by reason: `not-selected`, `no-match`, … */
      passedOver: Readonly<Partial<Record<ReasonCode, number>>>;
    }[];
    policies: readonly string[];
    /** Why the newest files on disk are not the ones in force. */
    refused?: string;
    /** Rules whose source does not work on this node now. */
    warnings: readonly string[];
  };
  captures: {
    waiting: number;
    running?: { trigger: string; target: string; rule: string };
    paused: boolean;
    usedThisHour: number;
    perHourMax: number;
    /** Containers that a capture left standing still; they are thawed again and again. */
    stuck: readonly { target: string; containerId: string; sinceMs: number; tries: number }[];
  };
  archives: { ours: number; oursBytes: number; foreign: number; foreignBytes: number };
  /** Of the checkpoints directory; `problem` says why it cannot be used now. */
  disk: { path: string; availableBytes?: number; floorBytes?: number; problem?: string };
  recent: readonly RecentTrigger[];
  /** Absent: signals are not recorded. */
  recording?: RecordingStatus;
}

export interface RecentTrigger {
  /** Empty for what was only observed. */
  id: string;
  acceptedMs: number;
  target: string;
  rule: string;
  state: string;
  /** Why the rule fired: the values, and what was looked at. Absent of triggers of older agents. */
  detail?: string;
  trail?: Trail;
}

/** Body of POST /v1/captures. */
export interface CaptureRequestBody {
  namespace: string;
  pod: string;
  container?: string;
  via: BackendChoice;
  by: string;
  /** Capture also where the agent only observes. */
  evenInObserve?: boolean;
}

/** One line of the reply to POST /v1/captures; the last one is a CaptureEnd. */
export type CaptureProgress =
  | { kind: 'accepted'; trigger: string; target: string; joined?: JoinedCapture }
  | { kind: 'capturing' }
  | { kind: 'verifying'; backend: BackendName; checkpointMs: number; frozenMs?: number }
  | CaptureEnd;

/** A capture of the same container that was wanted before: its `via` holds, not the caller's. */
export interface JoinedCapture {
  rule: string;
  via: BackendChoice;
}

/** How it ended for the one who asked. */
export type CaptureEnd = { joined?: JoinedCapture } & (
  | { kind: 'done'; record: ArchiveRecord }
  | { kind: 'refused'; reason: ReasonCode; detail: string }
  | { kind: 'failed'; class: string; message: string; hint: string }
  | { kind: 'broken'; archive: string; findings: readonly string[] }
  /** The agent stops first; `then` is what its next start does about the trigger. */
  | { kind: 'stopped'; trigger: string; then: RecoveryDecision }
);

/** The reply to POST /v1/prune: every archive, with what was done and why. */
export interface PruneReply {
  dryRun: boolean;
  removedBytes: number;
  leftBytes: number;
  items: readonly PruneItem[];
  /** Limits that are still exceeded, because what is left is protected. */
  unmet: readonly string[];
}

export interface PruneItem {
  archive: string;
  /** `would-remove` in a dry run; `held-back` and `failed` name their cause in `detail`. */
  result: 'kept' | 'removed' | 'would-remove' | 'held-back' | 'failed';
  policy: string;
  reasons: readonly string[];
  detail: string;
}
