import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname, isAbsolute, normalize } from 'node:path';
import { messageOf, nodeCodeOf } from '../../base/index.ts';

/** The container's log, or the reason why it is not there; both when only its end was taken. */
export interface LogReading {
  data?: Uint8Array;
  why?: string;
}

/** The kubelet begins a new file at 10 MiB unless it is told otherwise. */
export const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** The file, the directory of the container and that of the pod. */
const OWN_LEVELS = 2;

/**
 * A copy of the log that the runtime names, as containerd takes one. A pod that can write where
 * logs lie could lay a link there, to have a file of the node copied: no link is followed in the
 * directories of the pod. Never throws: an archive without its log is whole.
 */
export async function readLog(path: string, bytesMax = LOG_BYTES_MAX): Promise<LogReading> {
  if (path === '') return { why: 'the container has no log' };
  if (!isAbsolute(path) || normalize(path) !== path) return { why: 'its path is none' };
  let handle: FileHandle | undefined;
  try {
    let above = path;
    for (let level = 0; level < OWN_LEVELS; level++) {
      above = dirname(above);
      if (!(await lstat(above)).isDirectory()) return { why: 'a link stands in its path' };
    }
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    handle = await open(path, flags);
    const stat = await handle.stat();
    if (!stat.isFile()) return { why: 'it is no regular file' };
    const from = Math.max(0, stat.size - bytesMax);
    const data = await readAt(handle, from, stat.size - from);
    return from > 0 ? { data, why: `its first ${from} bytes are left out` } : { data };
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT')
      return { why: 'there is no such file where the agent runs' };
    return { why: messageOf(error) };
  } finally {
    await handle?.close();
  }
}

/** Fewer bytes only when the log was cut in between. */
async function readAt(handle: FileHandle, from: number, bytes: number): Promise<Uint8Array> {
  const data = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await handle.read(data, filled, bytes - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return data.subarray(0, filled);
}
