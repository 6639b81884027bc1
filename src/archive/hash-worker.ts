import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Worker thread: SHA-256 of one file, read in one buffer of 1 MiB, so that neither the event loop
 * of the agent nor its memory feels an archive of gigabytes. It imports no other module of ours:
 * it must start fast and stay small. Posts one HashReply.
 */
const CHUNK_BYTES = 1024 * 1024;

/** What the worker is given. */
export interface HashOrder {
  path: string;
  /** Also force the file to disk: a record must never outlive the bytes that it vouches for. */
  sync: boolean;
}

/** What the worker posts back; the identity is that of the file it really read. */
export type HashReply =
  | {
      kind: 'hashed';
      sha256: string;
      device: string;
      inode: string;
      bytes: number;
      modifiedNs: string;
    }
  | { kind: 'failed'; errno: string; message: string };

function hash({ path, sync }: HashOrder): HashReply {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) {
      return { kind: 'failed', errno: 'ENXIO', message: 'not a regular file' };
    }
    const digest = createHash('sha256');
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let bytes = 0;
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) {
      digest.update(chunk.subarray(0, read));
      bytes += read;
    }
    if (sync) fsyncSync(fd);
    const stat = fstatSync(fd, { bigint: true });
    return {
      kind: 'hashed',
      sha256: digest.digest('hex'),
      device: stat.dev.toString(),
      inode: stat.ino.toString(),
      bytes,
      modifiedNs: stat.mtimeNs.toString(),
    };
  } finally {
    closeSync(fd);
  }
}

function reply(order: HashOrder): HashReply {
  try {
    return hash(order);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { kind: 'failed', errno: code, message };
  }
}

parentPort?.postMessage(reply(workerData as HashOrder));
