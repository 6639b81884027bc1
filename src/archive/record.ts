import type { DumpedFacts, ImagesManifest } from '../capture/index.ts';
import type { SignalSummary, Trail } from '../rules/index.ts';
import type { BackendName } from '../signal/index.ts';
import type { MissingMember } from './assembly/index.ts';

/** The JSON that belongs to an archive, `.stillpoint/records/<archive file name>.json`. */
export interface ArchiveRecord {
  apiVersion: 'stillpoint.dev/v1alpha1';
  kind: 'ArchiveRecord';
  /** File name inside the checkpoints directory; never a path. */
  archive: string;
  bytes: number;
  /** SHA-256 of the whole file, hex. */
  sha256: string;
  createdMs: number;
  node: string;
  namespace: string;
  pod: string;
  podUid: string;
  container: string;
  containerId: string;
  owner?: { kind: string; name: string };
  image: string;
  imageId: string;
  backend: BackendName;
  backendReason: string;
  /** `containerd` or `cri-o`, as the archive itself shows. */
  engine: string;
  retainClass: string;
  trigger: {
    id: string;
    acceptedMs: number;
    causes: readonly RecordCause[];
    /** How many causes did not fit into the record; absent when all are there. */
    causesLeftOut?: number;
  };
  timings: {
    queuedMs: number;
    guardMs: number;
    checkpointMs: number;
    frozenMs?: number;
    /** CRIU's own account, from stats-dump. */
    criuFrozenMs?: number;
    predictedFreezeMs: number;
    /** Until the archive was verified, hashed and on disk; with the time that it took to make it. */
    verifyMs: number;
    /** Of that, to make it of the images; absent where the runtime made it. */
    assemblyMs?: number;
  };
  /** How the images were taken; absent where the runtime made the archive. */
  dump?: RecordedDump;
  /** What the archive lacks, and why; absent when it lacks nothing, or when the runtime made it. */
  missing?: readonly MissingMember[];
  /** What verification saw; `unverified` = an image version we do not know, not corrupt. */
  verified: 'complete' | 'unverified';
  processes: number;
  pagesBytes: number;
  /** An owner's word that this archive stays. */
  hold?: { reason: string; by: string; untilMs?: number };
}

/** See capture/images-folder.ts; what only the end of the dump tells is absent when nobody saw it. */
export type RecordedDump = Pick<ImagesManifest, 'sequence' | 'sequenceReason' | 'consistency'> &
  Partial<Pick<DumpedFacts, 'pause' | 'stoodStillMs' | 'guardLapsed'>>;

export interface RecordCause {
  rule: string;
  reason: string;
  detail: string;
  atMs: number;
  /** Which part of the rule was true, with the values; absent in records of an older agent. */
  trail?: Trail;
  signal: SignalSummary;
}
