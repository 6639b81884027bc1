import { accessSync, constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { nodeCodeOf, StillpointError } from '../base/index.ts';
import type { FileLock, TakeFileLock } from '../store/index.ts';
import { fromFs } from './fs-errors.ts';

/**
 * Makes this process the one agent of a checkpoints directory. Errors: `conflict` (another agent
 * has it), `not-writable`, `bad-input` (something else stands there), `disk-low`, `io`, `store`.
 */
export async function lockDirectory(
  directory: string,
  path: string,
  take: TakeFileLock,
): Promise<FileLock> {
  await makeLockFile(path);
  const lock = take(path);
  if (lock) return lock;
  throw new StillpointError({
    code: 'conflict',
    message: `another agent works on ${directory}`,
    hint:
      'One agent a checkpoints directory: stop the other one first, or name another directory ' +
      'with checkpointsDir.',
    details: { directory, lock: path },
  });
}

/** SQLite follows links, and opens what it cannot write for reading, which locks nobody out. */
async function makeLockFile(path: string): Promise<void> {
  try {
    const stat = await lstat(path).catch((error: unknown) => {
      if (nodeCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (stat === undefined) await create(path);
    else if (!stat.isFile()) {
      throw new StillpointError({
        code: 'bad-input',
        message: `${path} must be a file of Stillpoint's own, and is something else`,
        hint: 'Find out who put it there and move it away.',
      });
    }
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw fromFs(error, 'lock', path);
  }
}

/** Never opens a file that is there: closing it again would drop a lock that this process holds. */
async function create(path: string): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    await (await open(path, flags, 0o600)).close();
  } catch (error) {
    if (nodeCodeOf(error) !== 'EEXIST') throw error;
  }
}
