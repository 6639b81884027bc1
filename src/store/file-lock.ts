import { DatabaseSync } from 'node:sqlite';
import { messageOf, StillpointError } from '../base/index.ts';

/** A file that this process alone holds, until `release` or its own end, however that comes. */
export interface FileLock {
  release(): void;
}

/** Takes the lock on a file; undefined when somebody else holds it. Error: `store`. */
export type TakeFileLock = (path: string) => FileLock | undefined;

/** SQLITE_BUSY, without the bits of its extended codes. */
const BUSY = 5;

/**
 * An exclusive SQLite transaction that is never written in: an fcntl lock, which the kernel drops
 * with the process and which does not care for PID namespaces, as a file with a PID in it would.
 * The file must be there and be writable; nothing is ever stored in it.
 */
export function takeFileLock(path: string): FileLock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Else a journal would lie beside it.
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE;');
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    const errcode = (error as { errcode?: unknown }).errcode;
    if (typeof errcode === 'number' && (errcode & 0xff) === BUSY) return undefined;
    throw new StillpointError({
      code: 'store',
      message: `lock file ${path}: ${messageOf(error)}`,
      cause: error,
    });
  }
}
