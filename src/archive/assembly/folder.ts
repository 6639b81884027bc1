import type { BigIntStats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { isStillpointError, messageOf, nodeCodeOf } from '../../base/index.ts';
import {
  type DumpedFacts,
  type ImagesManifest,
  imagesFolder,
  readDumpedFacts,
  readImagesManifest,
} from '../../capture/index.ts';
import { fromFs } from '../fs-errors.ts';

/** One entry of a directory, not followed. */
export interface FolderEntry {
  name: string;
  kind: 'file' | 'directory' | 'link' | 'special';
  bytes: number;
  modifiedNs: string;
}

/** What lies in the folder of one capture; nothing is concluded. */
export interface FolderFacts {
  folder: string;
  manifest: Reading<ImagesManifest>;
  /** `none`: the dump did not end, or nobody noted that it did. */
  dumped: Reading<DumpedFacts>;
  /** CRIU's images; undefined when their directory is not there. */
  images?: readonly FolderEntry[];
  /** CRIU's own log and figures. */
  work: readonly FolderEntry[];
  /** The changes of the root file system. */
  rootfsDiff?: FolderEntry;
}

export type Reading<T> =
  | { kind: 'read'; value: T }
  | { kind: 'none' }
  /** It is there and is not what we write. */
  | { kind: 'bad'; why: string };

/** CRIU writes tens to a few thousands; more is hostile or broken. */
export const ENTRIES_MAX = 50_000;

/** Looks at everything once. Errors: `not-found` (no folder), `not-writable`, `io`. */
export async function readFolder(folder: string): Promise<FolderFacts> {
  const paths = imagesFolder(folder);
  await requireDirectory(folder);
  const manifest = await readManifest(folder);
  const dumped = await reading(readDumpedFacts(folder));
  const imagesPath = imagesDirectoryOf(folder, manifest);
  return {
    folder,
    manifest,
    dumped,
    images: imagesPath === undefined ? undefined : await entriesOf(imagesPath),
    work: (await entriesOf(paths.work)) ?? [],
    rootfsDiff: await entryAt(paths.rootfsDiff),
  };
}

/** The note that was written before the freeze. Error: `io`. */
export function readManifest(folder: string): Promise<FolderFacts['manifest']> {
  return reading(readImagesManifest(folder));
}

/**
 * Where the images may lie: in the folder, or in a directory of the same name elsewhere (a tmpfs).
 * Anything else was not written by us, and undefined. Without a manifest: in the folder.
 */
export function imagesDirectoryOf(
  folder: string,
  manifest: FolderFacts['manifest'],
): string | undefined {
  const { checkpoint } = imagesFolder(folder);
  if (manifest.kind !== 'read') return checkpoint;
  const path = manifest.value.imagesDirectory;
  const isOfFolder =
    path === normalize(path) &&
    basename(path) === basename(checkpoint) &&
    basename(dirname(path)) === basename(folder);
  return isOfFolder ? path : undefined;
}

/** The entries of a directory; undefined when there is none. */
async function entriesOf(path: string): Promise<FolderEntry[] | undefined> {
  return (await entryAt(path))?.kind === 'directory' ? listEntries(path) : undefined;
}

/**
 * The entries of a directory, sorted as containerd sorts them (by bytes), one more than
 * ENTRIES_MAX of them at most. Errors: `not-found`, `not-writable`, `io`.
 */
export async function listEntries(path: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  try {
    for await (const { name } of await opendir(path)) {
      const entry = await entryAt(join(path, name));
      if (entry) entries.push(entry);
      if (entries.length > ENTRIES_MAX) break;
    }
  } catch (error) {
    throw fromFs(error, 'list', path);
  }
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

async function entryAt(path: string): Promise<FolderEntry | undefined> {
  try {
    const stat = await lstat(path, { bigint: true });
    return {
      name: basename(path),
      kind: kindOf(stat),
      bytes: Number(stat.size),
      modifiedNs: stat.mtimeNs.toString(),
    };
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return undefined;
    throw fromFs(error, 'look at', path);
  }
}

function kindOf(stat: BigIntStats): FolderEntry['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'special';
}

async function requireDirectory(folder: string): Promise<void> {
  try {
    const stat = await lstat(folder);
    if (stat.isDirectory()) return;
    throw Object.assign(new Error(`${folder} is no directory`), { code: 'ELOOP' });
  } catch (error) {
    throw fromFs(error, 'look at', folder);
  }
}

/** Absent and malformed are answers; only an error of the disk is none. */
async function reading<T>(asked: Promise<T | undefined>): Promise<Reading<T>> {
  try {
    const value = await asked;
    return value === undefined ? { kind: 'none' } : { kind: 'read', value };
  } catch (error) {
    if (isStillpointError(error, 'not-found')) return { kind: 'none' };
    if (isStillpointError(error, 'bad-input')) return { kind: 'bad', why: messageOf(error) };
    throw error;
  }
}
