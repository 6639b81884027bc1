import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeCodeOf } from '../base/index.ts';

/**
 * Changes when a file comes, goes or is written. Cheap enough for once a second. It follows the
 * links of a mounted ConfigMap, so that the kubelet's swap of `..data` shows as new files.
 */
export async function signatureOf(path: string): Promise<string> {
  const own = await describe('', path);
  try {
    const names = (await readdir(path)).sort();
    const parts = await Promise.all(names.map((name) => describe(name, join(path, name))));
    return [own, ...parts].join('\n');
  } catch (error) {
    // One file instead of a directory, or nothing at all: what was seen of it says it.
    return `${own} ${nodeCodeOf(error)}`;
  }
}

/** A name that cannot be looked at (an editor's lock is a link that leads nowhere) counts too. */
async function describe(name: string, path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${name} ${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return `${name} ${nodeCodeOf(error)}`;
  }
}
