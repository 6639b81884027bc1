import { lstat, unlink } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../base/index.ts';
import { isStillpointError, nodeCodeOf, StillpointError } from '../base/index.ts';
import type { CaptureOutcome } from '../capture/index.ts';
import type { Trigger } from '../dispatch/index.ts';
import { type BackendName, findContainer, type Owner, type PodFact } from '../signal/index.ts';
import { type FileIdentity, identityOf, sameFile } from './byte-source.ts';
import type { Catalog } from './catalog.ts';
import type { Finding } from './findings.ts';
import { fromFs } from './fs-errors.ts';
import { hashFile } from './hash.ts';
import { summarise } from './listing.ts';
import { isArchiveName } from './names.ts';
import type { ArchiveRecord } from './record.ts';
import { type Records, syncDirectory } from './records.ts';
import { type ArchiveFacts, type VerifiedFile, verifyFile } from './verify.ts';

/** A capture that left an archive, as far as it is known. */
export interface KeepRequest {
  /** Absolute; must lie directly in the checkpoints directory. */
  archivePath: string;
  /** As in CaptureOutcome: the archive is made of it first. */
  imagesFolder?: string;
  node: string;
  trigger: Trigger;
  backend: BackendName;
  backendReason: string;
  predictedFreezeMs: number;
  /** As in CaptureTimings. */
  timings: Extract<CaptureOutcome, { kind: 'captured' }>['timings'];
  /** The pod as it was known; absent when it is gone. */
  pod?: PodFact;
}

/** What became of an archive. */
export type KeepResult =
  | {
      kind: 'kept';
      record: ArchiveRecord;
      facts: ArchiveFacts;
      /** Why it could not be proved complete; absent when it is complete. */
      doubt?: string;
    }
  | {
      kind: 'broken';
      /** File name. */
      archive: string;
      findings: readonly Finding[];
      /** Whether it was removed, and if not, why not. */
      removal: { kind: 'removed' } | { kind: 'left'; why: string };
    };

/** What keeping needs. */
export interface KeepTools {
  directory: string;
  records: Records;
  catalog: Catalog;
  clock: Clock;
}

/** File systems stamp a birth with the coarse clock of the kernel, which lags a little. */
const BIRTH_SLACK_MS = 2_000;

/** The request for a finished capture. */
export function keepRequestOf(
  outcome: Extract<CaptureOutcome, { kind: 'captured' }>,
  node: string,
  pod?: PodFact,
): KeepRequest {
  const { archivePath, imagesFolder, trigger, backend, backendReason } = outcome;
  const { predictedFreezeMs, timings } = outcome;
  const about = { archivePath, imagesFolder, trigger, backend, backendReason };
  return { ...about, predictedFreezeMs, timings, node, pod };
}

/**
 * Verify, hash (and force to disk), record, catalog, in this order: at each moment the archive is
 * either not yet claimed to be good, or it is. A broken one is named, and with `onBroken: 'remove'`
 * removed, if it surely is the very file that this capture made. Errors: `bad-config` (it lies in
 * another directory), `cancelled`, `disk-low`, `not-writable`, `io`, `store`; the archive then
 * stays, unrecorded, and the call may be repeated.
 */
export async function keepArchive(
  tools: KeepTools,
  request: KeepRequest,
  onBroken: 'remove' | 'leave',
  signal?: AbortSignal,
): Promise<KeepResult> {
  const path = archivePathIn(tools.directory, request.archivePath);
  const archive = basename(path);
  const startedMs = tools.clock.monotonicMs();
  const verified = await verifyOrFind(path);
  if (verified.kind === 'unreadable') {
    const removal = { kind: 'left', why: 'there is no regular file to remove' } as const;
    return { kind: 'broken', archive, findings: [verified.finding], removal };
  }
  const { verification, identity } = verified.file;
  const fail = async (findings: readonly Finding[]): Promise<KeepResult> => {
    const removal =
      onBroken === 'remove'
        ? await removeBroken(tools, path, identity, request.timings.startedAtMs, findings)
        : ({ kind: 'left', why: 'it may still be written' } as const);
    return { kind: 'broken', archive, findings, removal };
  };
  if (verification.kind === 'broken') return fail(verification.findings);
  const { facts } = verification;
  const stranger =
    otherContainer(facts, request.trigger) ?? (await otherCapture(tools, archive, request));
  if (stranger) return fail([stranger]);
  const hash = await hashFile(path, { sync: true, signal });
  if (!sameFile(identity, hash.identity)) return fail([{ code: 'changed', detail: path }]);
  await syncDirectory(tools.directory).catch((error) => {
    throw fromFs(error, 'sync', tools.directory);
  });
  const record = makeRecord(request, archive, facts, {
    sha256: hash.sha256,
    bytes: identity.bytes,
    verifyMs: tools.clock.monotonicMs() - startedMs,
    verified: verification.kind,
  });
  await tools.records.write(record);
  tools.catalog.put({
    name: archive,
    bytes: record.bytes,
    createdMs: record.createdMs,
    identity,
    standing: { kind: 'recorded', record: summarise(record) },
  });
  return verification.kind === 'complete'
    ? { kind: 'kept', record, facts }
    : { kind: 'kept', record, facts, doubt: `${verification.reason}: ${verification.detail}` };
}

/** The path, checked to be one name in the checkpoints directory. */
function archivePathIn(directory: string, archivePath: string): string {
  const path = resolve(archivePath);
  if (dirname(path) === resolve(directory) && isArchiveName(basename(path))) return path;
  throw new StillpointError({
    code: 'bad-config',
    message: `the archive ${archivePath} is not a checkpoint-*.tar in the checkpoints directory ${directory}`,
    hint: 'Set checkpointsDir to <kubelet root-dir>/checkpoints of this node, seen under that path.',
    details: { archivePath, directory },
  });
}

async function verifyOrFind(
  path: string,
): Promise<{ kind: 'file'; file: VerifiedFile } | { kind: 'unreadable'; finding: Finding }> {
  try {
    return { kind: 'file', file: await verifyFile(path) };
  } catch (error) {
    if (isStillpointError(error, 'not-found')) {
      return { kind: 'unreadable', finding: { code: 'file-missing', detail: path } };
    }
    if (isStillpointError(error, 'bad-input')) {
      return { kind: 'unreadable', finding: { code: 'not-a-file', detail: error.message } };
    }
    throw error;
  }
}

/** A new life of the same container is no stranger: the kubelet takes whichever runs. */
function otherContainer({ metadata }: ArchiveFacts, { target }: Trigger): Finding | undefined {
  const { namespace, pod, container } = metadata;
  if (metadata.engine === 'unknown' && pod === '') return undefined;
  if (namespace === target.namespace && pod === target.pod && container === target.container) {
    return undefined;
  }
  return { code: 'other-container', detail: `${namespace}/${pod}/${container}` };
}

/** A record that another capture wrote is never replaced; our own may be written again. */
async function otherCapture(
  { records }: KeepTools,
  archive: string,
  { trigger }: KeepRequest,
): Promise<Finding | undefined> {
  const reading = await records.read(archive);
  if (reading.kind === 'none') return undefined;
  if (reading.kind === 'broken') return { code: 'recorded-already', detail: reading.why };
  const { id } = reading.record.trigger;
  return id === trigger.id ? undefined : { code: 'recorded-already', detail: `trigger ${id}` };
}

/** Removes a broken file only if nothing speaks against its being this capture's own. */
async function removeBroken(
  tools: KeepTools,
  path: string,
  verified: FileIdentity,
  startedAtMs: number,
  findings: readonly Finding[],
): Promise<Extract<KeepResult, { kind: 'broken' }>['removal']> {
  const left = (why: string) => ({ kind: 'left', why }) as const;
  if (findings.some(({ code }) => code === 'other-container' || code === 'changed')) {
    return left('it may belong to someone else, or is still being written');
  }
  const reading = await tools.records.read(basename(path));
  if (reading.kind !== 'none') return left('a record of that name exists already');
  try {
    const stat = await lstat(path, { bigint: true });
    if (!stat.isFile() || stat.nlink !== 1n) return left('it is not a plain file with one name');
    if (!sameFile(verified, identityOf(stat))) return left('it has changed since it was looked at');
    // Where a file system keeps no birth time it reads as 0.
    const bornMs = Number(stat.birthtimeMs === 0n ? stat.mtimeMs : stat.birthtimeMs);
    if (bornMs < startedAtMs - BIRTH_SLACK_MS) return left('it was there before the capture began');
    await unlink(path);
    await syncDirectory(tools.directory);
    return { kind: 'removed' };
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return left('it is gone already');
    throw fromFs(error, 'remove', path);
  }
}

interface Measured {
  sha256: string;
  bytes: number;
  verifyMs: number;
  verified: 'complete' | 'unverified';
}

/**
 * The top owner, so that retention keeps one group over all rollouts. A pod that is gone is known by
 * the decision. One without an owner is its own, which retention knows by itself.
 */
function ownerOf({ pod, trigger }: KeepRequest): Owner | undefined {
  const known = pod ? (pod.topOwner ?? pod.owner) : trigger.decisions[0]?.owner;
  return known && known.kind !== 'Pod' ? { kind: known.kind, name: known.name } : undefined;
}

function makeRecord(
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
    },
    verified: measured.verified,
    processes: facts.processes,
    pagesBytes: facts.pagesBytes,
  };
}

/** Differences of wall-clock times can be negative when the clock was set in between. */
function positive(ms: number): number {
  return Math.max(0, ms);
}
