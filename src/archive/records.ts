import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isStillpointError, messageOf, StillpointError } from '../base/index.ts';
import { openRegular } from './byte-source.ts';
import { fromFs } from './fs-errors.ts';
import { recordFileName, type WorkspacePaths, workspacePaths } from './names.ts';
import type { ArchiveRecord, RecordCause } from './record.ts';
import { recordShape } from './record-schema.ts';

/** A record is written up to the first, read up to the second size. */
const RECORD_BYTES_MAX = 1024 * 1024;
/** Left for all of it but the causes. */
const HEAD_BYTES_MAX = 64 * 1024;
const READ_BYTES_MAX = 4 * 1024 * 1024;

/** What stands at the place of a record. `broken` means doubt, and doubt deletes nothing. */
export type RecordReading =
  | { kind: 'sound'; record: ArchiveRecord }
  | { kind: 'none' }
  | { kind: 'broken'; why: string };

/** The record files of one checkpoints directory. */
export interface Records {
  readonly paths: WorkspacePaths;
  /** Makes the directories (0700). A link in their place is refused. */
  prepare(): Promise<void>;
  /** Writes or replaces: after it returns, the record is on disk, whole. */
  write(record: ArchiveRecord): Promise<void>;
  /** Never throws for what stands in the file. */
  read(archive: string): Promise<RecordReading>;
  /** First step of a deletion: the record is moved to `removing/`, durable. */
  beginRemoval(archive: string): Promise<void>;
  /** The way back, when the archive could not be deleted. */
  cancelRemoval(archive: string): Promise<void>;
  /** Last step of a deletion: the archive is gone, its record goes too. */
  endRemoval(archive: string): Promise<void>;
}

export function createRecords(directory: string): Records {
  const paths = workspacePaths(directory);
  let written = 0;
  const move = async (archive: string, from: string, to: string) => {
    const name = recordFileName(archive);
    try {
      await rename(join(from, name), join(to, name));
      await syncDirectory(to);
      await syncDirectory(from);
    } catch (error) {
      throw fromFs(error, 'move', join(from, name));
    }
  };
  return {
    paths,
    async prepare() {
      await makeDirectory(directory, true);
      for (const path of [paths.root, paths.records, paths.removing, paths.unfinished]) {
        await makeDirectory(path, false);
      }
    },
    async write(record) {
      written++;
      const name = recordFileName(record.archive);
      const unfinished = join(paths.unfinished, `record-${process.pid}-${written}.json`);
      await writeDurably(unfinished, join(paths.records, name), encodeRecord(record));
    },
    read: (archive) => readRecordFile(join(paths.records, recordFileName(archive)), archive),
    beginRemoval: (archive) => move(archive, paths.records, paths.removing),
    cancelRemoval: (archive) => move(archive, paths.removing, paths.records),
    async endRemoval(archive) {
      const path = join(paths.removing, recordFileName(archive));
      try {
        await unlink(path);
      } catch (error) {
        throw fromFs(error, 'remove', path);
      }
    },
  };
}

/**
 * Reads one record file. With `archive`, the record must be of that archive. A link, an oversized
 * file, unreadable JSON or a wrong shape is `broken`.
 */
export async function readRecordFile(path: string, archive?: string): Promise<RecordReading> {
  try {
    const file = await openRegular(path);
    try {
      if (file.bytes > READ_BYTES_MAX) return broken(`${file.bytes} bytes is no size of a record`);
      const parsed = recordShape.safeParse(
        JSON.parse((await file.read(0, file.bytes)).toString('utf8')),
      );
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return broken(`${issue?.path.join('.') || 'record'}: ${issue?.message ?? 'wrong shape'}`);
      }
      if (archive !== undefined && parsed.data.archive !== archive) {
        return broken(`it speaks of ${JSON.stringify(parsed.data.archive.slice(0, 300))}`);
      }
      return { kind: 'sound', record: parsed.data };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isStillpointError(error, 'not-found')) return { kind: 'none' };
    return broken(messageOf(error));
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function broken(why: string): RecordReading {
  return { kind: 'broken', why };
}

async function makeDirectory(path: string, recursive: boolean): Promise<void> {
  try {
    const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (stat === undefined) {
      await mkdir(path, { mode: 0o700, recursive });
      if (!recursive) await syncDirectory(dirname(path));
    } else if (!stat.isDirectory() && !recursive) {
      throw new StillpointError({
        code: 'bad-input',
        message: `${path} must be a directory of Stillpoint's own, and is something else`,
        hint: 'Find out who put it there and move it away.',
      });
    }
  } catch (error) {
    throw fromFs(error, 'make the directory', path);
  }
}

/** Temporary file, fsync, rename, fsync of the directory: there is the old one or the new one. */
async function writeDurably(unfinished: string, path: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  try {
    const handle = await open(unfinished, flags, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    // If even that fails, the next start finds it and removes it (leftovers.ts).
    await unlink(unfinished).catch(() => undefined);
    throw fromFs(error, 'write', path);
  }
}

/**
 * The text of a record within its bound: payloads of late causes are left out first, then late
 * causes. Never makes one text of everything: an alert storm can hold gigabytes.
 */
function encodeRecord(record: ArchiveRecord): string {
  const causes: RecordCause[] = [];
  let restBytes = RECORD_BYTES_MAX - HEAD_BYTES_MAX;
  let withData = true;
  for (const cause of record.trigger.causes) {
    let bytes: number = withData ? bytesInRecord(cause) : Number.POSITIVE_INFINITY;
    withData = bytes <= restBytes;
    const kept = withData ? cause : { ...cause, signal: { ...cause.signal, data: {} } };
    if (!withData) bytes = bytesInRecord(kept);
    if (bytes > restBytes) break;
    restBytes -= bytes;
    causes.push(kept);
  }
  const causesLeftOut = record.trigger.causes.length - causes.length;
  const trigger = { ...record.trigger, causes, ...(causesLeftOut > 0 ? { causesLeftOut } : {}) };
  const text = JSON.stringify({ ...record, trigger }, null, 1);
  // What cannot be read back would put its archive in doubt for ever.
  const parsed = recordShape.safeParse(JSON.parse(text));
  if (parsed.success) return text;
  const issue = parsed.error.issues[0];
  throw new StillpointError({
    code: 'internal',
    message: `record of ${record.archive}: ${issue?.path.join('.')}: ${issue?.message}`,
  });
}

/** As it will stand in the record: indented, four levels deep. */
function bytesInRecord(cause: RecordCause): number {
  return Buffer.byteLength(JSON.stringify(cause, null, 4));
}
