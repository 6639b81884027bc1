import { findContainer, type Owner } from '../signal/index.ts';
import type { MissingMember } from './assembly/index.ts';
import type { KeepRequest } from './keep.ts';
import type { ArchiveRecord, RecordedDump } from './record.ts';
import type { ArchiveFacts } from './verify.ts';

/** What keeping found out about it. */
export interface Measured {
  sha256: string;
  bytes: number;
  verifyMs: number;
  verified: 'complete' | 'unverified';
  /** Of an archive that we made. */
  assemblyMs?: number;
  dump?: RecordedDump;
  missing?: readonly MissingMember[];
  /** Of a record that is written again. */
  hold?: ArchiveRecord['hold'];
}

/**
 * The top owner, so that retention keeps one group over all rollouts. A pod that is gone is known by
 * the decision. One without an owner is its own, which retention knows by itself.
 */
function ownerOf({ pod, trigger }: KeepRequest): Owner | undefined {
  const known = pod ? (pod.topOwner ?? pod.owner) : trigger.decisions[0]?.owner;
  return known && known.kind !== 'Pod' ? { kind: known.kind, name: known.name } : undefined;
}

/** The record of an archive that was verified. */
export function makeRecord(
  request: KeepRequest,
  archive: string,
  facts: ArchiveFacts,
  measured: Measured,
): ArchiveRecord {
  const { trigger, timings, pod } = request;
  const { metadata, stats } = facts;
  const { target } = trigger;
  const fact = pod ? findContainer(pod, target.container) : undefined;
  const owner = ownerOf(request);
  const frozen = timings.frozenMs === undefined ? {} : { frozenMs: positive(timings.frozenMs) };
  const { assemblyMs, dump, missing = [], hold } = measured;
  return {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'ArchiveRecord',
    archive,
    bytes: measured.bytes,
    sha256: measured.sha256,
    createdMs: timings.startedAtMs,
    node: request.node,
    namespace: target.namespace,
    pod: target.pod,
    podUid: metadata.podUid || target.podUid,
    container: target.container,
    containerId: metadata.containerId || target.containerId,
    ...(owner && { owner }),
    image: metadata.image || (fact?.image ?? ''),
    imageId: fact?.imageId || metadata.imageRef,
    backend: request.backend,
    backendReason: request.backendReason,
    engine: metadata.engine,
    retainClass: trigger.decisions[0]?.retainClass ?? '',
    trigger: {
      id: trigger.id,
      acceptedMs: trigger.acceptedMs,
      causes: trigger.decisions.map(({ rule, reason, detail, trail, atMs, signal }) => ({
        rule,
        reason,
        detail,
        atMs,
        trail,
        signal,
      })),
    },
    timings: {
      queuedMs: positive(timings.queuedMs),
      guardMs: positive(timings.guardMs),
      checkpointMs: positive(timings.checkpointMs),
      ...frozen,
      ...(stats ? { criuFrozenMs: stats.freezingMs + stats.frozenMs } : {}),
      predictedFreezeMs: positive(request.predictedFreezeMs),
      verifyMs: positive(measured.verifyMs),
      ...(assemblyMs !== undefined && { assemblyMs: positive(assemblyMs) }),
    },
    ...(dump && { dump }),
    ...(missing.length > 0 && { missing }),
    verified: measured.verified,
    processes: facts.processes,
    pagesBytes: facts.pagesBytes,
    ...(hold && { hold }),
  };
}

/** Differences of wall-clock times can be negative when the clock was set in between. */
function positive(ms: number): number {
  return Math.max(0, ms);
}
