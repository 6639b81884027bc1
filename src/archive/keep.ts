import { lstat, unlink } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../base/index.ts';
import { isStillpointError, messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';
import type { CaptureOutcome } from '../capture/index.ts';
import type { Trigger } from '../dispatch/index.ts';
import type { BackendName, PodFact } from '../signal/index.ts';
import { type Removal, removeImages } from './assembly/index.ts';
import { type FileIdentity, identityOf, sameFile } from './byte-source.ts';
import type { Catalog } from './catalog.ts';
import type { Finding } from './findings.ts';
import { fromFs } from './fs-errors.ts';
import { hashFile } from './hash.ts';
import { summarise } from './listing.ts';
import { type Measured, makeRecord } from './make-record.ts';
import { isArchiveName } from './names.ts';
import { type Origin, obtainArchive } from './obtain.ts';
import type { ArchiveRecord } from './record.ts';
import { type RecordReading, type Records, syncDirectory } from './records.ts';
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

/**
 * What became of an archive. `images`: what became of its parts, where they were to be removed; what
 * is left of them costs space and nothing else.
 */
export type KeepResult =
  | {
      kind: 'kept';
      record: ArchiveRecord;
      facts: ArchiveFacts;
      /** Why it could not be proved complete; absent when it is complete. */
      doubt?: string;
      images?: Removal;
    }
  | {
      kind: 'broken';
      /** File name. */
      archive: string;
      findings: readonly Finding[];
      /** Whether it was removed, and if not, why not. */
      removal: Removal;
      images?: Removal;
    };

/** What is done with an archive that is not whole, and with images that make none. */
type OnBroken = 'remove' | 'leave';

/** What keeping needs. */
export interface KeepTools {
  directory: string;
  records: Records;
  catalog: Catalog;
  clock: Clock;
  /** What must stay free of the disk when an archive is made. */
  spareBytes?: () => number;
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
 * Make it of its images where that is ours to do, verify, hash (and force to disk), record, catalog,
 * in this order: at each moment the archive is either not yet claimed to be good, or it is. A broken
 * one is named, and with `onBroken: 'remove'` removed, if it surely is the very file that this
 * capture made. The images go once the record is written, or when no archive can be made of them.
 * Errors: `bad-config` (it lies in another directory), `cancelled`, `conflict`, `disk-low`,
 * `not-writable`, `io`, `store`; archive and images then stay, unrecorded, and the call may be
 * repeated.
 */
export async function keepArchive(
  tools: KeepTools,
  request: KeepRequest,
  onBroken: OnBroken,
  signal?: AbortSignal,
): Promise<KeepResult> {
  const path = archivePathIn(tools.directory, request.archivePath);
  const startedMs = tools.clock.monotonicMs();
  const origin = await obtainArchive(path, request.imagesFolder, tools, signal);
  const result =
    origin.kind === 'unusable'
      ? await unusable(request, origin.finding, onBroken)
      : await keepFile(tools, request, { path, startedMs, origin, onBroken, signal });
  if (request.imagesFolder === undefined || result.images) return result;
  const isGone = result.kind === 'broken' && result.removal.kind === 'removed';
  // One that was in place and damaged is made anew: its parts are still there.
  if (isGone && origin.kind === 'in-place') return keepArchive(tools, request, onBroken, signal);
  const isOver = result.kind === 'kept' || (isGone && origin.kind === 'assembled');
  return isOver ? { ...result, images: await tidyImages(request.imagesFolder) } : result;
}

/** Never rejects: what is left costs space, and the next start finds it. */
async function tidyImages(folder: string): Promise<Removal> {
  try {
    return await removeImages(folder);
  } catch (error) {
    return { kind: 'left', why: messageOf(error) };
  }
}

interface KeepWork {
  path: string;
  startedMs: number;
  origin: Exclude<Origin, { kind: 'unusable' }>;
  onBroken: OnBroken;
  signal?: AbortSignal;
}

async function keepFile(
  tools: KeepTools,
  request: KeepRequest,
  { path, startedMs, origin, onBroken, signal }: KeepWork,
): Promise<KeepResult> {
  const archive = basename(path);
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
  const before = await tools.records.read(archive);
  const stranger = otherContainer(facts, request.trigger) ?? otherCapture(before, request);
  if (stranger) return fail([stranger]);
  // What we wrote ourselves was hashed on its way, and is on disk.
  const hash =
    origin.kind === 'assembled' ? origin.hash : await hashFile(path, { sync: true, signal });
  if (!sameFile(identity, hash.identity)) return fail([{ code: 'changed', detail: path }]);
  await syncDirectory(tools.directory).catch((error) => {
    throw fromFs(error, 'sync', tools.directory);
  });
  const record = makeRecord(request, archive, facts, {
    ...(before.kind === 'sound' ? toldBefore(before.record) : {}),
    ...('dump' in origin ? { dump: origin.dump, missing: origin.missing } : {}),
    ...(origin.kind === 'assembled' ? { assemblyMs: origin.assemblyMs } : {}),
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

/** What a record that is written again could not learn a second time. */
function toldBefore({ dump, missing, hold, timings }: ArchiveRecord): Partial<Measured> {
  return { dump, missing, hold, assemblyMs: timings.assemblyMs };
}

/** There is no archive, and there will be none. */
async function unusable(
  { archivePath, imagesFolder }: KeepRequest,
  finding: Finding,
  onBroken: OnBroken,
): Promise<KeepResult> {
  const images: Removal =
    onBroken === 'remove' && imagesFolder !== undefined
      ? await tidyImages(imagesFolder)
      : { kind: 'left', why: 'its dump may still be under way' };
  const removal = { kind: 'left', why: 'there is no archive to remove' } as const;
  return { kind: 'broken', archive: basename(archivePath), findings: [finding], removal, images };
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
function otherCapture(before: RecordReading, { trigger }: KeepRequest): Finding | undefined {
  if (before.kind === 'none') return undefined;
  if (before.kind === 'broken') return { code: 'recorded-already', detail: before.why };
  const { id } = before.record.trigger;
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
