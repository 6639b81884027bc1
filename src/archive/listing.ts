import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeCodeOf } from '../base/index.ts';
import { type FileIdentity, identityOf } from './byte-source.ts';
import { fromFs } from './fs-errors.ts';
import { isArchiveName, recordFileName, workspacePaths } from './names.ts';
import type { ArchiveRecord } from './record.ts';
import { type RecordReading, readRecordFile } from './records.ts';

/** A record without the payloads of its causes: what lists and retention need of it. */
export interface RecordSummary extends Omit<ArchiveRecord, 'trigger'> {
  triggerId: string;
  /** Rules that caused it, each once. */
  rules: readonly string[];
}

/**
 * How an archive stands to us. `recorded`: ours, with a sound record. `unrecorded`: ours by the
 * journal, its record not yet written. `doubtful`: there is a record, but it cannot be read or does
 * not fit: nothing of it is deleted. `foreign`: someone else's.
 */
export type Standing =
  | { kind: 'recorded'; record: RecordSummary }
  | { kind: 'unrecorded' }
  | { kind: 'doubtful'; why: string }
  | { kind: 'foreign' };

/** One archive in the checkpoints directory. */
export interface ArchiveEntry {
  /** File name, never a path. */
  name: string;
  bytes: number;
  /** When its capture began; of a foreign archive the time of its last change. */
  createdMs: number;
  identity: FileIdentity;
  standing: Standing;
}

/**
 * All archives in `directory`, oldest first, from the files and their records; needs no agent and
 * writes nothing. `journalled` names archives that a journal claims. Links, directories and other
 * names are passed over. Errors: `not-found`, `not-writable`, `io`.
 */
export async function listDirectory(
  directory: string,
  journalled: ReadonlySet<string> = new Set(),
  read: ReadSummary = readSummary,
): Promise<ArchiveEntry[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    throw fromFs(error, 'list', directory);
  }
  const entries: ArchiveEntry[] = [];
  for (const name of names.filter(isArchiveName)) {
    const entry = await readEntry(directory, name, journalled, read);
    if (entry) entries.push(entry);
  }
  return entries.sort(byAge);
}

/** Looks at one archive; undefined when it is gone or no regular file. */
export async function readEntry(
  directory: string,
  name: string,
  journalled: ReadonlySet<string> = new Set(),
  read: ReadSummary = readSummary,
): Promise<ArchiveEntry | undefined> {
  const path = join(directory, name);
  try {
    const stat = await lstat(path, { bigint: true });
    if (!stat.isFile()) return undefined;
    const identity = identityOf(stat);
    const standing = await standingOf(directory, name, identity, journalled, read);
    const createdMs =
      standing.kind === 'recorded' ? standing.record.createdMs : Number(stat.mtimeMs);
    return { name, bytes: identity.bytes, createdMs, identity, standing };
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return undefined;
    throw fromFs(error, 'look at', path);
  }
}

/** A record as lists need it; see RecordReading. */
export type SummaryReading =
  | { kind: 'sound'; record: RecordSummary }
  | Exclude<RecordReading, { kind: 'sound' }>;

/** Reads the record file at `path`, which must be of that archive. Never throws. */
export type ReadSummary = (path: string, archive: string) => Promise<SummaryReading>;

/** The plain way: from the file. */
export async function readSummary(path: string, archive: string): Promise<SummaryReading> {
  const reading = await readRecordFile(path, archive);
  return reading.kind === 'sound' ? { ...reading, record: summarise(reading.record) } : reading;
}

/** What lists keep of a record. */
export function summarise(record: ArchiveRecord): RecordSummary {
  const { trigger, ...rest } = record;
  return {
    ...rest,
    triggerId: trigger.id,
    rules: [...new Set(trigger.causes.map(({ rule }) => rule))],
  };
}

/** Oldest first; equal times by name, so that the order is always the same. */
export function byAge(a: ArchiveEntry, b: ArchiveEntry): number {
  return a.createdMs - b.createdMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

async function standingOf(
  directory: string,
  name: string,
  identity: FileIdentity,
  journalled: ReadonlySet<string>,
  read: ReadSummary,
): Promise<Standing> {
  const path = join(workspacePaths(directory).records, recordFileName(name));
  const reading = await read(path, name);
  switch (reading.kind) {
    case 'none':
      return journalled.has(name) ? { kind: 'unrecorded' } : { kind: 'foreign' };
    case 'broken':
      return { kind: 'doubtful', why: `record: ${reading.why}` };
    case 'sound':
      if (reading.record.bytes !== identity.bytes) {
        const why = `the record speaks of ${reading.record.bytes} bytes, the file has ${identity.bytes}`;
        return { kind: 'doubtful', why };
      }
      return { kind: 'recorded', record: reading.record };
  }
}
