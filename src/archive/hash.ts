import { Worker } from 'node:worker_threads';
import { StillpointError, workerPath } from '../base/index.ts';
import type { FileIdentity } from './byte-source.ts';
import { fromFs } from './fs-errors.ts';
import type { HashOrder, HashReply } from './hash-worker.ts';

/** The hash of a file, and which file it was. */
export interface FileHash {
  /** Hex. */
  sha256: string;
  identity: FileIdentity;
}

export interface HashOptions {
  /** Also force the file to disk before the hash is given. */
  sync?: boolean;
  /** Gives the work up: rejects with `cancelled`. */
  signal?: AbortSignal;
}

/**
 * SHA-256 of a regular file, made in a thread of its own. Errors: as of reading a file, and
 * `cancelled`.
 */
export async function hashFile(path: string, options: HashOptions = {}): Promise<FileHash> {
  const reply = await runWorker({ path, sync: options.sync ?? false }, options.signal);
  if (reply.kind === 'failed') {
    const error = Object.assign(new Error(reply.message), { code: reply.errno });
    throw fromFs(error, 'read', path);
  }
  const { sha256, device, inode, bytes, modifiedNs } = reply;
  return { sha256, identity: { device, inode, bytes, modifiedNs } };
}

function runWorker(order: HashOrder, signal?: AbortSignal): Promise<HashReply> {
  return new Promise((resolve, reject) => {
    const cancelled = () =>
      new StillpointError({ code: 'cancelled', message: `hashing ${order.path} was given up` });
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const worker = new Worker(workerPath('src/archive/hash-worker.ts'), {
      workerData: order,
      // The worker needs next to nothing; what it takes is taken from the agent's budget.
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
      execArgv: [],
    });
    const onAbort = () => {
      reject(cancelled());
      void worker.terminate();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.once('message', (reply: HashReply) => resolve(reply));
    worker.once('error', (error) => reject(fromFs(error, 'hash', order.path)));
    worker.once('exit', (code) => {
      signal?.removeEventListener('abort', onAbort);
      reject(
        new StillpointError({
          code: 'internal',
          message: `the hash worker for ${order.path} ended with ${code} and no reply`,
        }),
      );
    });
  });
}
