import { link, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { formatBytes, nodeCodeOf, StillpointError } from '../../base/index.ts';
import type { FileIdentity } from '../byte-source.ts';
import { fromFs } from '../fs-errors.ts';
import { workspacePaths } from '../names.ts';
import { syncDirectory } from '../records.ts';
import { readFolder } from './folder.ts';
import { dataBytes, type Parts, planFolder } from './parts.ts';
import { writeArchive } from './write-archive.ts';

export interface AssemblyRequest {
  /** Absolute: the folder of one capture (capture/images-folder.ts). */
  folder: string;
  /** Absolute; nothing may be there. */
  archivePath: string;
  /** What must stay free of the disk once the archive is there; 0 when left out. */
  spareBytes?: number;
  /** Gives the work up: rejects with `cancelled`. */
  signal?: AbortSignal;
  /** Module of the thread that writes; ours when left out. */
  worker?: string;
}

/** An archive that is in place and on disk, or why none can be made of the folder. */
export type Assembled =
  | (Parts & {
      kind: 'assembled';
      /** Hex. */
      sha256: string;
      /** Of the file at archivePath, as it was hashed. */
      identity: FileIdentity;
    })
  | { kind: 'unusable'; why: string };

/**
 * Makes the archive of one capture: streamed once into `.stillpoint/unfinished/`, hashed on the way,
 * forced to disk, and only then given its name, which must be free. At each moment there is no
 * archive or a whole one; the folder is not changed. All reading and writing of images is done in a
 * thread of its own. Errors: `not-found` (no folder), `conflict` (the name is taken), `cancelled`,
 * `disk-low`, `not-writable`, `io`; nothing is left then, and the call may be repeated.
 */
export async function assembleArchive(request: AssemblyRequest): Promise<Assembled> {
  const { folder, archivePath, signal, worker } = request;
  const plan = await planFolder(await readFolder(folder));
  if (plan.kind === 'unusable') return plan;
  const archive = basename(archivePath);
  if (plan.manifest.archive !== archive) {
    const spoken = JSON.stringify(plan.manifest.archive);
    return { kind: 'unusable', why: `it speaks of the archive ${spoken}` };
  }
  await requireRoom(dirname(archivePath), dataBytes(plan.members), request.spareBytes ?? 0);
  const unfinished = join(workspacePaths(dirname(archivePath)).unfinished, archive);
  // Of a try whose end could not be cleared; nothing refers to it.
  await removeIfThere(unfinished);
  try {
    const written = await writeArchive({ path: unfinished, members: plan.members }, signal, worker);
    if (written.kind === 'changed') {
      return { kind: 'unusable', why: `${written.member}: ${written.why}` };
    }
    await putInPlace(unfinished, archivePath);
    const { sha256, identity } = written;
    const { missing, manifest, dumped } = plan;
    return { kind: 'assembled', sha256, identity, missing, manifest, dumped };
  } finally {
    await removeIfThere(unfinished);
  }
}

/** A disk that would be too full is not filled first. */
async function requireRoom(directory: string, bytes: number, spareBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory).catch((error) => {
    throw fromFs(error, 'look at', directory);
  });
  const freeBytes = bavail * bsize;
  if (freeBytes - bytes >= spareBytes) return;
  throw new StillpointError({
    code: 'disk-low',
    message:
      `the archive needs ${formatBytes(bytes)} in ${directory}, where ${formatBytes(freeBytes)} are ` +
      `free and ${formatBytes(spareBytes)} must stay so`,
    details: { directory, bytes, freeBytes, spareBytes },
  });
}

/** A second name for the same file, so that nothing that has this name can be replaced. */
async function putInPlace(unfinished: string, archivePath: string): Promise<void> {
  try {
    await link(unfinished, archivePath);
    await syncDirectory(dirname(archivePath));
  } catch (error) {
    if (nodeCodeOf(error) !== 'EEXIST') throw fromFs(error, 'put in place', archivePath);
    throw new StillpointError({
      code: 'conflict',
      message: `${archivePath} exists already, and is not replaced`,
      cause: error,
    });
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (nodeCodeOf(error) !== 'ENOENT') throw fromFs(error, 'remove', path);
  }
}
