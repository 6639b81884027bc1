import { lstat, unlink } from 'node:fs/promises';
import { nodeCodeOf, StillpointError } from '../base/index.ts';

/** What became of a file that a failed checkpoint may have left. */
export type PartialFile = 'none' | 'removed' | 'not-ours';

/**
 * Removes what a failed checkpoint left at `path`. Only call when the name was ours and free
 * before, and the call is known dead: a living one still writes. A link, a directory or a file
 * with a second name is not what a runtime makes, and stays. Errors: `not-writable`.
 */
export async function removePartialFile(path: string): Promise<PartialFile> {
  try {
    const found = await lstat(path);
    if (!found.isFile() || found.nlink !== 1) return 'not-ours';
    await unlink(path);
    return 'removed';
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return 'none';
    throw new StillpointError({
      code: 'not-writable',
      message: `cannot remove the partial archive ${path}: ${nodeCodeOf(error) ?? 'unknown error'}`,
      cause: error,
    });
  }
}
