import { closeSync, constants, openSync, readSync, statSync, writeSync } from 'node:fs';
import { messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';

/** Larger than any kernel file that we read (memory.stat stays under 5 KiB). */
const FILE_BYTES_MAX = 64 * 1024;
const shared = Buffer.allocUnsafe(FILE_BYTES_MAX);

/**
 * The text of a small kernel file, cut off at 64 KiB; undefined when it is gone: no such file, or
 * a cgroup or process that ended while we held it. Any other failure throws.
 */
export function readSmallFile(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
    const length = readSync(descriptor, shared, 0, FILE_BYTES_MAX, 0);
    return shared.toString('latin1', 0, length);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw fromFs(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Writes into a file that exists; never makes one. Errors: `not-found`, `not-writable`. */
export function writeExistingFile(path: string, text: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_WRONLY);
    writeSync(descriptor, text);
  } catch (error) {
    throw fromFs(error, 'write', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** True when `path` is a directory that we may look at. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The cgroup or process was removed: before the file was opened, or while it was held open. */
export function isGone(error: unknown): boolean {
  const code = nodeCodeOf(error);
  return code === 'ENOENT' || code === 'ENODEV' || code === 'ENOTDIR' || code === 'ESRCH';
}

/** Errors of the file system become ours here. */
export function fromFs(error: unknown, doing: 'read' | 'write', path: string): StillpointError {
  if (error instanceof StillpointError) return error;
  const message = `cannot ${doing} ${path}: ${messageOf(error)}`;
  if (isGone(error)) return new StillpointError({ code: 'not-found', message, cause: error });
  if (doing === 'write')
    return new StillpointError({ code: 'not-writable', message, cause: error });
  return new StillpointError({
    code: 'unsupported',
    message,
    hint: 'The agent must run as root, with the cgroup tree and /proc of the node mounted.',
    cause: error,
  });
}
