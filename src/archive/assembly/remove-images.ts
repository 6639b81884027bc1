import { lstat, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nodeCodeOf } from '../../base/index.ts';
import { imagesFolder, imagesRoot } from '../../capture/index.ts';
import { fromFs } from '../fs-errors.ts';
import { type FolderEntry, imagesDirectoryOf, listEntries, readManifest } from './folder.ts';

/** Whether nothing of the folder is left. */
export type Removal = { kind: 'removed' } | { kind: 'left'; why: string };

/**
 * Removes the folder of a capture and its images in memory: the files of the few directories that
 * belong to it, one by one. A link, or a directory that does not belong there, stays, and the folder
 * with it; so does a folder that does not lie where folders of captures do. First the note goes that the dump ended well, last the one that says where all of it
 * lies: whatever a crash leaves is known for what it is. Errors: `not-writable`, `io`.
 */
export async function removeImages(folder: string): Promise<Removal> {
  const paths = imagesFolder(folder);
  const checkpointsDirectory = dirname(dirname(dirname(folder)));
  if (dirname(folder) !== imagesRoot(checkpointsDirectory)) return left(folder);
  if ((await kindAt(folder)) === 'none') return { kind: 'removed' };
  if ((await kindAt(folder)) !== 'directory') return left(folder);
  const elsewhere = imagesDirectoryOf(folder, await readManifest(folder));
  await remove(paths.dumped, unlink);
  for (const directory of new Set([elsewhere ?? paths.checkpoint, paths.checkpoint, paths.work])) {
    await removeFlat(directory);
  }
  const holder = elsewhere === undefined ? folder : dirname(elsewhere);
  if (holder !== folder) await remove(holder, rmdir);
  for (const { name, kind } of await listEntries(folder)) {
    const path = join(folder, name);
    if (kind === 'file' && path !== paths.manifest) await remove(path, unlink);
  }
  const rest = (await listEntries(folder)).filter(
    ({ name }) => join(folder, name) !== paths.manifest,
  );
  if (rest[0]) return left(join(folder, rest[0].name));
  if (holder !== folder && (await kindAt(holder)) !== 'none') return left(holder);
  await remove(paths.manifest, unlink);
  await remove(folder, rmdir);
  return { kind: 'removed' };
}

/** The files of a directory and the directory, if nothing else is in it. */
export async function removeFlat(directory: string): Promise<void> {
  if ((await kindAt(directory)) !== 'directory') return;
  for (const { name, kind } of await listEntries(directory)) {
    if (kind === 'file') await remove(join(directory, name), unlink);
  }
  await remove(directory, rmdir);
}

/** What is gone already, or holds something that is not removed, is no error. */
async function remove(path: string, act: (path: string) => Promise<void>): Promise<void> {
  try {
    await act(path);
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(nodeCodeOf(error) ?? '')) return;
    throw fromFs(error, 'remove', path);
  }
}

async function kindAt(path: string): Promise<FolderEntry['kind'] | 'none'> {
  try {
    const stat = await lstat(path);
    return stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'special';
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return 'none';
    throw fromFs(error, 'look at', path);
  }
}

function left(path: string): Removal {
  return { kind: 'left', why: `${path} is nothing that Stillpoint or the runtime put there` };
}
