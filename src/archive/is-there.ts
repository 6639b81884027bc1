import { lstat } from 'node:fs/promises';
import { nodeCodeOf } from '../base/index.ts';
import { fromFs } from './fs-errors.ts';

/** Whether anything has that name; a link counts for itself. Errors: `not-writable`, `io`. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return false;
    throw fromFs(error, 'look at', path);
  }
}
