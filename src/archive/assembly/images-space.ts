import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A folder, `checkpoint/` in it, and the files there. */
const LEVELS = 2;
const BLOCK_BYTES = 512;

/**
 * What images of captures take of the disk at this moment; those in memory take none. What cannot
 * be read counts as nothing: it is gone, or whoever looks at the directory itself names the trouble.
 */
export function imagesSpaceBytes(root: string, levels = LEVELS): number {
  let bytes = 0;
  for (const name of namesIn(root)) {
    const path = join(root, name);
    const stat = lookAt(path);
    if (stat?.isFile()) bytes += stat.blocks * BLOCK_BYTES;
    else if (stat?.isDirectory() && levels > 0) bytes += imagesSpaceBytes(path, levels - 1);
  }
  return bytes;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    // See above.
    return [];
  }
}

function lookAt(path: string) {
  try {
    return lstatSync(path);
  } catch {
    // See above.
    return undefined;
  }
}
