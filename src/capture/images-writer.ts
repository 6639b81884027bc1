import {
  access,
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';
import { type DumpedFacts, type ImagesManifest, imagesFolder } from './images-folder.ts';

/** Like the archives: for root alone. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Makes the folder and all that CRIU needs in it, with the manifest; syncs nothing. Only names that
 * are free are taken, and nothing is left when it fails. Errors: `disk-low`, `not-writable`.
 */
export async function makeImagesFolder(folder: string, manifest: ImagesManifest): Promise<void> {
  const paths = imagesFolder(folder);
  const { imagesDirectory } = manifest;
  const made: string[] = [];
  const make = async (path: string) => {
    await mkdir(path, { mode: DIRECTORY_MODE });
    made.push(path);
  };
  try {
    await mkdir(dirname(folder), { recursive: true, mode: DIRECTORY_MODE });
    await make(folder);
    await make(paths.work);
    if (imagesDirectory !== paths.checkpoint) {
      await mkdir(dirname(dirname(imagesDirectory)), { recursive: true, mode: DIRECTORY_MODE });
      await make(dirname(imagesDirectory));
    }
    await make(imagesDirectory);
    await writeManifest(folder, manifest);
  } catch (error) {
    for (const path of made) await rm(path, { recursive: true, force: true });
    throw fromFs(error, folder);
  }
}

/** Writes it again, where something came otherwise than planned. Errors: as makeImagesFolder. */
export async function writeManifest(folder: string, manifest: ImagesManifest): Promise<void> {
  await writeWhole(imagesFolder(folder).manifest, manifest);
}

/** The last thing that is written: whoever finds it knows that the dump ended well. */
export async function writeDumpedFacts(folder: string, facts: DumpedFacts): Promise<void> {
  await writeWhole(imagesFolder(folder).dumped, facts);
}

/** A name appears with its whole contents or not at all. */
async function writeWhole(path: string, document: object): Promise<void> {
  const unfinished = `${path}.part`;
  try {
    await writeFile(unfinished, JSON.stringify(document), { mode: FILE_MODE });
    await rename(unfinished, path);
  } catch (error) {
    throw fromFs(error, path);
  }
}

/**
 * Takes the layer in as it comes. A part of it never stays. Errors: `disk-low`, `not-writable`, and
 * whatever the source throws.
 */
export async function writeRootfsDiff(
  folder: string,
  layer: AsyncIterable<Uint8Array>,
): Promise<void> {
  const path = imagesFolder(folder).rootfsDiff;
  try {
    await writeFile(path, layer, { mode: FILE_MODE, flag: 'wx' });
  } catch (error) {
    await rm(path, { force: true });
    throw fromFs(error, path);
  }
}

/**
 * Takes the layer in from a file, which costs the event loop nothing. False when there is no such
 * file of that length, or it cannot be read from here. Errors: `disk-low`, `not-writable`.
 */
export async function copyRootfsDiff(
  folder: string,
  blobPath: string,
  bytes: number,
): Promise<boolean> {
  const path = imagesFolder(folder).rootfsDiff;
  try {
    const stat = await lstat(blobPath);
    if (!stat.isFile() || stat.size !== bytes) return false;
    await access(blobPath, constants.R_OK);
  } catch (error) {
    if (nodeCodeOf(error) !== undefined) return false;
    throw error;
  }
  try {
    await copyFile(blobPath, path, constants.COPYFILE_EXCL);
    await chmod(path, FILE_MODE);
    return true;
  } catch (error) {
    await rm(path, { force: true });
    throw fromFs(error, path);
  }
}

function fromFs(error: unknown, path: string): StillpointError {
  if (error instanceof StillpointError) return error;
  const errno = nodeCodeOf(error);
  const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'disk-low' : 'not-writable';
  return new StillpointError({ code, message: `${path}: ${messageOf(error)}`, cause: error });
}
