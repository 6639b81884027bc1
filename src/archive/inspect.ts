import { basename, dirname, join } from 'node:path';
import { hashFile } from './hash.ts';
import { recordFileName, workspacePaths } from './names.ts';
import type { ArchiveRecord } from './record.ts';
import { type RecordReading, readRecordFile } from './records.ts';
import { type Verification, verifyFile } from './verify.ts';

/** How an archive compares with its record. */
export type RecordCheck =
  | { kind: 'matches'; record: ArchiveRecord }
  | { kind: 'none' }
  | { kind: 'broken'; why: string }
  /** Each difference as one line. */
  | { kind: 'differs'; record: ArchiveRecord; differences: readonly string[] };

/** All that can be said of one archive without an agent. */
export interface ArchiveReport {
  /** File name. */
  archive: string;
  bytes: number;
  verification: Verification;
  record: RecordCheck;
  /** SHA-256, hex; only when it was asked for. */
  sha256?: string;
}

/**
 * What stands in the archive at `path` and in its record, if it lies in a checkpoints directory.
 * Reads the headers and small members only; the hash is not checked. Errors: `not-found`,
 * `bad-input` (a link, no regular file), `not-writable`, `io`.
 */
export async function showArchive(path: string): Promise<ArchiveReport> {
  const { verification, identity } = await verifyFile(path);
  const record = compareRecord(await readRecordOf(path), verification, { bytes: identity.bytes });
  return { archive: basename(path), bytes: identity.bytes, verification, record };
}

/**
 * Proves the archive at `path`: complete, and equal to its record (the given one, or the one
 * that lies beside it) in size, hash and identity. Errors as showArchive, and `cancelled`.
 */
export async function verifyArchive(
  path: string,
  options: { record?: ArchiveRecord; signal?: AbortSignal } = {},
): Promise<ArchiveReport> {
  const { verification } = await verifyFile(path);
  const { sha256, identity } = await hashFile(path, { signal: options.signal });
  const reading: RecordReading = options.record
    ? { kind: 'sound', record: options.record }
    : await readRecordOf(path);
  const record = compareRecord(reading, verification, { bytes: identity.bytes, sha256 });
  return { archive: basename(path), bytes: identity.bytes, verification, record, sha256 };
}

function readRecordOf(path: string): Promise<RecordReading> {
  const name = basename(path);
  return readRecordFile(join(workspacePaths(dirname(path)).records, recordFileName(name)), name);
}

/** Pure: the archive as it was measured against its record. */
export function compareRecord(
  reading: RecordReading,
  verification: Verification,
  measured: { bytes: number; sha256?: string },
): RecordCheck {
  if (reading.kind !== 'sound') return reading;
  const { record } = reading;
  const differences: string[] = [];
  const compare = (what: string, inRecord: string | number, inFile: string | number) => {
    if (inRecord !== inFile) differences.push(`${what}: record ${inRecord}, archive ${inFile}`);
  };
  compare('bytes', record.bytes, measured.bytes);
  if (measured.sha256 !== undefined) compare('sha256', record.sha256, measured.sha256);
  const metadata =
    verification.kind === 'broken' ? verification.metadata : verification.facts.metadata;
  if (metadata && metadata.pod !== '') {
    compare('namespace', record.namespace, metadata.namespace);
    compare('pod', record.pod, metadata.pod);
    compare('container', record.container, metadata.container);
    if (metadata.containerId !== '') {
      compare('container id', record.containerId, metadata.containerId);
    }
  }
  return differences.length > 0
    ? { kind: 'differs', record, differences }
    : { kind: 'matches', record };
}
