import { lstat, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, nodeCodeOf, type Random } from '../../base/index.ts';

/** A directory, looked at and tried. */
export type DirectoryFacts =
  | { kind: 'missing'; path: string; parentExists: boolean }
  | { kind: 'no-directory'; path: string; is: 'link' | 'file' }
  | { kind: 'unseen'; path: string; message: string }
  | {
      kind: 'directory';
      path: string;
      ownerUid: number;
      /** Permission bits, such as 0o700. */
      mode: number;
      /** A file was made in it and removed again; else why not. */
      trial: { ok: true } | { ok: false; code: string; message: string };
    };

/** Looks at a directory without following a link, and tries to write into it. */
export async function lookAtDirectory(path: string, random: Random): Promise<DirectoryFacts> {
  try {
    const info = await lstat(path);
    if (!info.isDirectory()) {
      return { kind: 'no-directory', path, is: info.isSymbolicLink() ? 'link' : 'file' };
    }
    const trial = await tryToWrite(path, random);
    return { kind: 'directory', path, ownerUid: info.uid, mode: info.mode & 0o777, trial };
  } catch (error) {
    if (nodeCodeOf(error) !== 'ENOENT') return { kind: 'unseen', path, message: messageOf(error) };
    return { kind: 'missing', path, parentExists: await isThere(dirname(path)) };
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    // Whatever hides it, nothing can be made in it from here.
    return false;
  }
}

type Trial = (DirectoryFacts & { kind: 'directory' })['trial'];

/** Only the disk's own answer counts: rights and mount flags do not tell of a full one. */
async function tryToWrite(directory: string, random: Random): Promise<Trial> {
  const name = `.stillpoint-doctor-${random.integer(0, 0xffffffff).toString(16)}`;
  const path = join(directory, name);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.write('doctor\n');
      await file.sync();
    } finally {
      await file.close();
      await unlink(path);
    }
    return { ok: true };
  } catch (error) {
    return { ok: false, code: nodeCodeOf(error) ?? '', message: messageOf(error) };
  }
}
