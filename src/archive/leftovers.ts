import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFs } from './fs-errors.ts';
import { isThere } from './is-there.ts';
import { isArchiveName } from './names.ts';
import { type Records, readRecordFile, syncDirectory } from './records.ts';

/**
 * What a crash, or a person, can leave in `.stillpoint/`: every state has a name, a decision and
 * the reason why the decision is safe. Deletion of an archive is: record to `removing/`, archive
 * unlinked, record unlinked (retention/sweep); writing of a record is: file in `unfinished/`,
 * renamed to `records/` when it is whole (records.ts). Images of captures have a table of their own
 * (assembly/leftover-images.ts).
 */
export const leftovers = {
  'unfinished-file': {
    decision: 'delete',
    reason:
      'a record or an archive that was being written; nothing refers to it until it has its name',
  },
  'removal-not-begun': {
    decision: 'restore',
    reason: 'its archive is still there: the deletion stopped before the archive; plan it anew',
  },
  'removal-not-ended': {
    decision: 'delete',
    reason: 'its archive is gone: the deletion had only this left to do',
  },
  'removal-superseded': {
    decision: 'delete',
    reason: 'a newer archive of the same name has a record of its own',
  },
  'removal-unreadable': {
    decision: 'keep',
    reason: 'it does not say which archive it belongs to; nothing is deleted in doubt',
  },
  'record-without-archive': {
    decision: 'keep',
    reason: 'someone took the archive away; it may come back, and the record is small',
  },
  stray: {
    decision: 'keep',
    reason: 'not a file that Stillpoint writes there',
  },
} as const;

export type LeftoverCode = keyof typeof leftovers;

/** One thing that was found; `records/` files whose archive is there are the normal state. */
export interface Leftover {
  /** Path inside `.stillpoint/`. */
  name: string;
  code: LeftoverCode;
}

/** Facts about one file in `removing/`. */
export interface RemovalFacts {
  recordReadable: boolean;
  archivePresent: boolean;
  /** A file of the same name lies in `records/`. */
  recordPresent: boolean;
}

/** The row of the table for a file in `removing/`. Pure; every combination has exactly one. */
export function judgeRemoval(facts: RemovalFacts): LeftoverCode {
  if (!facts.recordReadable) return 'removal-unreadable';
  if (facts.recordPresent) return 'removal-superseded';
  return facts.archivePresent ? 'removal-not-begun' : 'removal-not-ended';
}

/**
 * Looks through `.stillpoint/`, carries the decisions out, and returns what was found. Called once
 * at start, before anything is written or deleted.
 */
export async function clearLeftovers(directory: string, records: Records): Promise<Leftover[]> {
  const { paths } = records;
  const found: Leftover[] = [];
  for (const name of await list(paths.unfinished)) {
    const isFile = await isRegular(join(paths.unfinished, name));
    found.push({ name: `unfinished/${name}`, code: isFile ? 'unfinished-file' : 'stray' });
    if (isFile) await remove(join(paths.unfinished, name));
  }
  for (const name of await list(paths.removing)) {
    const path = join(paths.removing, name);
    if (!(await isRegular(path))) {
      found.push({ name: `removing/${name}`, code: 'stray' });
      continue;
    }
    const reading = await readRecordFile(path);
    const archive = reading.kind === 'sound' ? reading.record.archive : '';
    const code = judgeRemoval({
      recordReadable: isArchiveName(archive),
      archivePresent: await isThere(join(directory, archive)),
      recordPresent: await isThere(join(paths.records, name)),
    });
    found.push({ name: `removing/${name}`, code });
    if (leftovers[code].decision === 'restore') await restore(path, join(paths.records, name));
    else if (leftovers[code].decision === 'delete') await remove(path);
  }
  await syncDirectory(paths.records);
  await syncDirectory(paths.removing);
  found.push(...(await orphans(directory, paths.records)));
  return found;
}

async function orphans(directory: string, recordsPath: string): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const name of await list(recordsPath)) {
    const path = join(recordsPath, name);
    if (!name.endsWith('.json') || !(await isRegular(path))) {
      found.push({ name: `records/${name}`, code: 'stray' });
      continue;
    }
    if (await isThere(join(directory, name.slice(0, -'.json'.length)))) continue;
    // A shortened file name, or no archive: only the record itself can tell.
    const reading = await readRecordFile(path);
    if (reading.kind === 'sound' && isArchiveName(reading.record.archive)) {
      if (await isThere(join(directory, reading.record.archive))) continue;
    }
    found.push({ name: `records/${name}`, code: 'record-without-archive' });
  }
  return found;
}

async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    throw fromFs(error, 'list', path);
  }
}

async function isRegular(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    throw fromFs(error, 'look at', path);
  }
}

async function restore(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    throw fromFs(error, 'restore', to);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    throw fromFs(error, 'remove', path);
  }
}
