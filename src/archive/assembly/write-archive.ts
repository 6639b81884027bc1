import { Worker } from 'node:worker_threads';
import { StillpointError, workerPath } from '../../base/index.ts';
import type { FileIdentity } from '../byte-source.ts';
import { fromFs } from '../fs-errors.ts';
import type { AssemblyOrder, AssemblyReply } from './assembly-worker.ts';
import type { Member } from './member.ts';

/** A file that was written and forced to disk, or why what was planned is not there any more. */
export type Written =
  | { kind: 'written'; sha256: string; identity: FileIdentity }
  | { kind: 'changed'; member: string; why: string };

/** What need not be copied to the worker. */
const LARGE_BYTES = 64 * 1024;

/**
 * Writes an archive in a thread of its own, so that sampling is not delayed. `worker` is the module
 * of the thread. Errors: `cancelled`, `disk-low`, `not-found`, `not-writable`, `io`; a file that was
 * begun stays.
 */
export async function writeArchive(
  order: AssemblyOrder,
  signal?: AbortSignal,
  worker = workerPath('src/archive/assembly/assembly-worker.ts'),
): Promise<Written> {
  const reply = await runWorker(worker, order, signal);
  if (reply.kind !== 'failed') return reply;
  const error = Object.assign(new Error(reply.message), { code: reply.errno });
  throw fromFs(error, reply.doing, reply.path);
}

function runWorker(
  module: string,
  order: AssemblyOrder,
  signal?: AbortSignal,
): Promise<AssemblyReply> {
  return new Promise((resolve, reject) => {
    const cancelled = () =>
      new StillpointError({ code: 'cancelled', message: `writing ${order.path} was given up` });
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const worker = new Worker(module, {
      workerData: order,
      transferList: transferable(order.members),
      // What the thread takes is taken from the agent's budget.
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
      execArgv: [],
    });
    const onAbort = () => void worker.terminate();
    signal?.addEventListener('abort', onAbort, { once: true });
    let reply: AssemblyReply | undefined;
    worker.once('message', (posted: AssemblyReply) => {
      reply = posted;
    });
    worker.once('error', (error) => reject(fromFs(error, 'write', order.path)));
    // Its files are closed once it has ended: only then is the space of a removed one free.
    worker.once('exit', (code) => {
      signal?.removeEventListener('abort', onAbort);
      if (reply) resolve(reply);
      else if (signal?.aborted) reject(cancelled());
      else {
        const message = `the worker that wrote ${order.path} ended with ${code} and no reply`;
        reject(new StillpointError({ code: 'internal', message }));
      }
    });
  });
}

/** Buffers that are the only view of their memory; small ones may be views of Buffer's pool. */
function transferable(members: readonly Member[]): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const member of members) {
    if (member.kind !== 'bytes' || member.data.byteLength < LARGE_BYTES) continue;
    if (member.data.buffer instanceof ArrayBuffer) buffers.push(member.data.buffer);
  }
  return buffers;
}
