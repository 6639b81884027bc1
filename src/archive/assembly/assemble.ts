import { link, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { formatBytes, nodeCodeOf, StillpointError, workerPath } from '../../base/index.ts';
import type { FileIdentity } from '../byte-source.ts';
import { fromFs } from '../fs-errors.ts';
import { workspacePaths } from '../names.ts';
import { syncDirectory } from '../records.ts';
import type { AssemblyOrder, AssemblyReply } from './assembly-worker.ts';
import { readFolder } from './folder.ts';
import type { Member } from './member.ts';
import { dataBytes, type Parts, planFolder } from './parts.ts';
import type { MembersPlan } from './plan-members.ts';

export interface AssemblyRequest {
  /** Absolute: the folder of one capture (capture/images-folder.ts). */
  folder: string;
  /** Absolute; nothing may be there. */
  archivePath: string;
  /** What must stay free of the disk once the archive is there; 0 when left out. */
  spareBytes?: number;
  /** Gives the work up: rejects with `cancelled`. */
  signal?: AbortSignal;
}

/** An archive that is in place and on disk, or why none can be made of the folder. */
export type Assembled =
  | (Parts & {
      kind: 'assembled';
      /** Hex. */
      sha256: string;
      /** Of the file at archivePath, as it was hashed. */
      identity: FileIdentity;
    })
  | { kind: 'unusable'; why: string };

/**
 * Makes the archive of one capture: streamed once into `.stillpoint/unfinished/`, hashed on the way,
 * forced to disk, and only then given its name, which must be free. At each moment there is no
 * archive or a whole one; the folder is not changed. All reading and writing of images is done in a
 * thread of its own. Errors: `not-found` (no folder), `conflict` (the name is taken), `cancelled`,
 * `disk-low`, `not-writable`, `io`; nothing is left then, and the call may be repeated.
 */
export async function assembleArchive(request: AssemblyRequest): Promise<Assembled> {
  const { folder, archivePath, signal } = request;
  const plan = await planFolder(await readFolder(folder));
  if (plan.kind === 'unusable') return plan;
  const archive = basename(archivePath);
  if (plan.manifest.archive !== archive) {
    const spoken = JSON.stringify(plan.manifest.archive);
    return { kind: 'unusable', why: `it speaks of the archive ${spoken}` };
  }
  await requireRoom(dirname(archivePath), dataBytes(plan.members), request.spareBytes ?? 0);
  const unfinished = join(workspacePaths(dirname(archivePath)).unfinished, archive);
  // Of a try whose end could not be cleared; nothing refers to it.
  await removeIfThere(unfinished);
  try {
    const reply = await runWorker({ path: unfinished, members: plan.members }, signal);
    return await finish(reply, plan, unfinished, archivePath);
  } finally {
    await removeIfThere(unfinished);
  }
}

async function finish(
  reply: AssemblyReply,
  plan: Extract<MembersPlan, { kind: 'members' }>,
  unfinished: string,
  archivePath: string,
): Promise<Assembled> {
  switch (reply.kind) {
    case 'changed':
      return { kind: 'unusable', why: `${reply.member}: ${reply.why}` };
    case 'failed': {
      const error = Object.assign(new Error(reply.message), { code: reply.errno });
      throw fromFs(error, reply.doing, reply.path);
    }
    case 'written': {
      await putInPlace(unfinished, archivePath);
      const { sha256, identity } = reply;
      const { missing, manifest, dumped } = plan;
      return { kind: 'assembled', sha256, identity, missing, manifest, dumped };
    }
  }
}

/** A disk that would be too full is not filled first. */
async function requireRoom(directory: string, bytes: number, spareBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory).catch((error) => {
    throw fromFs(error, 'look at', directory);
  });
  const freeBytes = bavail * bsize;
  if (freeBytes - bytes >= spareBytes) return;
  throw new StillpointError({
    code: 'disk-low',
    message:
      `the archive needs ${formatBytes(bytes)} in ${directory}, where ${formatBytes(freeBytes)} are ` +
      `free and ${formatBytes(spareBytes)} must stay so`,
    details: { directory, bytes, freeBytes, spareBytes },
  });
}

/** A second name for the same file, so that nothing that has this name can be replaced. */
async function putInPlace(unfinished: string, archivePath: string): Promise<void> {
  try {
    await link(unfinished, archivePath);
    await syncDirectory(dirname(archivePath));
  } catch (error) {
    if (nodeCodeOf(error) !== 'EEXIST') throw fromFs(error, 'put in place', archivePath);
    throw new StillpointError({
      code: 'conflict',
      message: `${archivePath} exists already, and is not replaced`,
      cause: error,
    });
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (nodeCodeOf(error) !== 'ENOENT') throw fromFs(error, 'remove', path);
  }
}

function runWorker(order: AssemblyOrder, signal?: AbortSignal): Promise<AssemblyReply> {
  return new Promise((resolve, reject) => {
    const cancelled = () =>
      new StillpointError({ code: 'cancelled', message: `writing ${order.path} was given up` });
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const worker = new Worker(workerPath('src/archive/assembly/assembly-worker.ts'), {
      workerData: order,
      transferList: transferable(order.members),
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
      execArgv: [],
    });
    // Its files are closed once it has ended: only then is the space of an unfinished one free.
    const onAbort = () => void worker.terminate();
    signal?.addEventListener('abort', onAbort, { once: true });
    let reply: AssemblyReply | undefined;
    worker.once('message', (posted: AssemblyReply) => {
      reply = posted;
    });
    worker.once('error', (error) => reject(fromFs(error, 'write', order.path)));
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

/** What need not be copied to the worker: buffers that are the only view of their memory. */
function transferable(members: readonly Member[]): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const member of members) {
    if (member.kind !== 'bytes' || member.data.byteLength < LARGE_BYTES) continue;
    if (member.data.buffer instanceof ArrayBuffer) buffers.push(member.data.buffer);
  }
  return buffers;
}

/** Smaller ones may be views of the pool of Buffer, which must not go away with them. */
const LARGE_BYTES = 64 * 1024;
