import { basename, join } from 'node:path';
import { isStillpointError, StillpointError } from '../base/index.ts';
import type { ContainerdClient } from '../cri/index.ts';
import type { CheckpointReply, CheckpointRequest, DumpOrder, HeldFreeze } from './backend.ts';
import { type TimeLimit, withTimeLimit } from './backends/time-limit.ts';
import { type DumpEnd, judgeDumpError } from './dump-failure.ts';
import { whyFrozenMeanwhile } from './frozen-meanwhile.ts';
import { watchIdle } from './idle-watch.ts';
import { type ImagesManifest, imagesFolder, imagesFolderOf } from './images-folder.ts';
import { makeImagesFolder, writeDumpedFacts, writeManifest } from './images-writer.ts';
import type { LeftoverImages } from './leftover-images.ts';
import { type FreezeAttempt, type FreezeTools, freezeForUs, type OwnFreeze } from './own-freeze.ts';
import { createRootfsLayer, type RootfsLayer } from './rootfs-layer.ts';
import { calm, type Sequencing } from './sequence.ts';
import { readCriuStopMs } from './stats-dump.ts';
import { within } from './within.ts';

/** What a dump into a folder works with. */
export interface DumpTools extends FreezeTools {
  containerd: ContainerdClient;
  checkpointsDirectory: string;
  /** See LayerTools. */
  contentRoot?: string;
  leftovers: LeftoverImages;
}

/** One dump, from the folder to the reply. */
interface Dump {
  tools: DumpTools;
  containerId: string;
  order: DumpOrder;
  folder: string;
  manifest: ImagesManifest;
  layer: RootfsLayer;
  limit: TimeLimit;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Has CRIU write the images of a container straight into a folder of ours: freeze (in a race),
 * checkpoint, files (when they are to be of the same moment), thaw. From the freeze to the thaw
 * nothing of ours touches the disk. Rejects only for a mistake of ours.
 */
export async function dumpIntoFolder(
  tools: DumpTools,
  request: CheckpointRequest,
  signal: AbortSignal,
): Promise<CheckpointReply> {
  const { archivePath, target, timeoutMs, dump: order } = request;
  if (!order) throw new RangeError('a dump into a folder needs its order');
  const { setup } = order.status;
  if (!setup) throw new RangeError('the runtime does not tell how it keeps the container');
  const { containerId } = target;
  const folder = imagesFolderOf(tools.checkpointsDirectory, archivePath);
  const limit = withTimeLimit(tools.clock, timeoutMs, signal);
  const layer = createRootfsLayer(tools, setup);
  try {
    const manifest = manifestOf(tools.clock.wallMs(), basename(archivePath), order);
    await makeImagesFolder(folder, manifest);
    const dump = { tools, containerId, order, folder, manifest, layer, limit, timeoutMs, signal };
    return await runDump(dump);
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    const failure = isStillpointError(error, 'disk-low') ? 'disk-full' : 'unknown';
    return { kind: 'failed', failure, message: error.message, mayFinishLater: false };
  } finally {
    limit.end();
  }
}

async function runDump(dump: Dump): Promise<CheckpointReply> {
  const { order, tools, limit } = dump;
  let way: Sequencing = order;
  let attempt: FreezeAttempt | undefined;
  if (order.sequence === 'race') {
    attempt = await freezeForUs(tools, { ...order, containerId: dump.containerId }, limit.signal);
    if (attempt.kind === 'doubtful') {
      const { why: message, held } = attempt;
      return failedReply(dump, { failure: 'freeze-failed', message, mayFinishLater: true }, held);
    }
    if (attempt.kind === 'not-frozen') way = calm(`${attempt.why}; ${order.sequenceReason}`);
  }
  const freeze = attempt?.kind === 'frozen' ? attempt.freeze : undefined;
  if (limit.signal.aborted && !freeze) return failedReply(dump, notBegun(dump));
  if (!freeze) {
    const detail = whyFrozenMeanwhile(tools.node, order.cgroup);
    if (detail !== undefined) {
      return { kind: 'frozen-already', detail, discard: () => discard(dump, false) };
    }
  }
  order.onFrozen?.();
  const stood = await standStill(dump, freeze, way);
  if (stood.failure !== undefined) {
    const end = await judgeDumpError(stood.failure, {
      clock: tools.clock,
      givenUp: stood.givenUp,
      logPath: join(imagesFolder(dump.folder).work, 'dump.log'),
      timedOut: limit.timedOut(),
      timeoutMs: dump.timeoutMs,
    });
    return failedReply(dump, end, freeze);
  }
  const stoodStillMs = stood.stoodStillMs ?? (await criuStopMs(dump));
  return {
    kind: 'dumped',
    folder: dump.folder,
    stoodStillMs,
    held: freeze,
    ...(isLikePlan(order, whatBecame(way, stood), stood) ? {} : { unlikePlan: true }),
    complete: (signal) => complete(dump, { way, freeze, ...stood }, signal),
    discard: () => discard(dump, false),
  };
}

/** A disk that hangs must not keep the proof that the container runs from beginning. */
const STATS_MS_MAX = 1_000;

function criuStopMs({ tools, folder }: Dump): Promise<number | undefined> {
  const read = readCriuStopMs(join(imagesFolder(folder).work, 'stats-dump'));
  return within(tools.clock, STATS_MS_MAX, read);
}

/** Given up before anybody was asked to dump. */
function notBegun({ limit, timeoutMs }: Dump): DumpEnd {
  const ended = { message: 'given up before the checkpoint began', mayFinishLater: false };
  if (!limit.timedOut()) return { failure: 'cancelled', ...ended };
  return { ...ended, failure: 'timeout', message: `not begun within ${timeoutMs / 1_000} s` };
}

/** What came of the time from the freeze to the thaw. */
interface Stood {
  failure?: unknown;
  /** Why we gave it up ourselves. */
  givenUp?: string;
  /** From our freeze to our thaw; absent where only CRIU froze. */
  stoodStillMs?: number;
  /** Why the files were not taken meanwhile, though they were to be. */
  filesLate?: string;
  /** The guard may have thawed it before we did. */
  lapsed: boolean;
}

async function standStill(
  dump: Dump,
  freeze: OwnFreeze | undefined,
  way: Sequencing,
): Promise<Stood> {
  const { tools, order, layer, limit, folder, containerId } = dump;
  const { clock, containerd } = tools;
  const stood: Stood = { lapsed: false };
  try {
    if (freeze && way.consistency === 'frozen') layer.prepare();
    const { imagesDirectory: imagePath, options } = order;
    const checkpoint = { containerId, imagePath, workPath: imagesFolder(folder).work, ...options };
    await untilIdle(dump, freeze, stood, (signal) => containerd.checkpointTask(checkpoint, signal));
    if (freeze && way.consistency === 'frozen') {
      stood.filesLate = await layer.take(msLeftToStand(order, freeze, clock), limit.signal);
    }
  } catch (failure) {
    stood.failure = failure;
  }
  stood.lapsed = freeze?.lapsed() ?? false;
  await freeze?.thaw();
  if (freeze) stood.stoodStillMs = clock.monotonicMs() - freeze.beganMs;
  return stood;
}

/** Gives the work up once nobody is at it while the container stands still. */
async function untilIdle(
  { tools, order, limit }: Dump,
  freeze: OwnFreeze | undefined,
  stood: Stood,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { clock, node } = tools;
  const msLeft = () => (freeze ? msLeftToStand(order, freeze, clock) : Number.POSITIVE_INFINITY);
  const { cgroup } = order;
  const watch = watchIdle({ clock, node, cgroup, frozenByUs: freeze !== undefined, msLeft });
  try {
    await work(AbortSignal.any([limit.signal, watch.signal]));
  } finally {
    watch.stop();
    stood.givenUp = watch.why();
  }
}

/** CRIU cannot be cut short, the taking of files can: the rule's bounds hold for it. */
function msLeftToStand(
  { freezeMsMax, thawedByMs = Number.POSITIVE_INFINITY }: DumpOrder,
  { beganMs }: OwnFreeze,
  clock: DumpTools['clock'],
): number {
  return Math.min(freezeMsMax - (clock.monotonicMs() - beganMs), thawedByMs - clock.wallMs());
}

/** What may be done while the container runs. Errors: `disk-low`, `not-writable`. */
async function complete(
  { tools, folder, manifest, layer }: Dump,
  { way, freeze, ...stood }: Stood & { way: Sequencing; freeze?: OwnFreeze },
  signal: AbortSignal,
): Promise<void> {
  const { lapsed, stoodStillMs } = stood;
  const files = await layer.complete(folder, signal);
  const became = whatBecame(way, stood);
  if (became.consistency !== manifest.consistency || became.sequence !== manifest.sequence) {
    await writeManifest(folder, { ...manifest, ...became });
  }
  await writeDumpedFacts(folder, {
    version: 1,
    dumpedAtMs: tools.clock.wallMs(),
    pause: freeze?.frozenBy ?? 'none',
    stoodStillMs,
    files,
    ...(lapsed ? { guardLapsed: true } : {}),
  });
  // Last: it may wait for a garbage collection, and a dump without that note counts as cut off.
  await layer.release();
}

/** The way that was gone, where the files were to be of one moment with the memory and are not. */
function whatBecame(way: Sequencing, { filesLate, lapsed }: Stood): Sequencing {
  const why = lapsed ? 'the guard process may have resumed it' : filesLate;
  if (way.consistency === 'running' || why === undefined) return way;
  const sequenceReason = `${way.sequenceReason}; files after the thaw: ${why}`;
  return { ...way, consistency: 'running', sequenceReason };
}

function isLikePlan(order: DumpOrder, became: Sequencing, { lapsed }: Stood): boolean {
  return !lapsed && became.consistency === order.consistency;
}

function failedReply(dump: Dump, end: DumpEnd, held?: HeldFreeze): CheckpointReply {
  return { kind: 'failed', ...end, held, discard: () => discard(dump, end.mayFinishLater) };
}

async function discard({ tools, folder, order, layer }: Dump, mayGoOn: boolean): Promise<void> {
  await layer.release();
  const { imagesDirectory } = order;
  await tools.leftovers.discard({ folder, imagesDirectory, mayGoOn });
}

/** Errors: `runtime-failed` when the runtime does not tell what an archive needs. */
function manifestOf(nowMs: number, archive: string, order: DumpOrder): ImagesManifest {
  const { status, imagesDirectory, sequence, sequenceReason, consistency } = order;
  if (status.pid === undefined) {
    const message = 'the runtime tells no process id of the container';
    throw new StillpointError({ code: 'runtime-failed', message });
  }
  const evidence = status.evidence();
  return {
    version: 1,
    containerId: status.id,
    archive,
    imagesDirectory,
    createdAtMs: nowMs,
    spec: evidence.spec,
    status: evidence.status,
    config: {
      id: status.id,
      name: [status.name, status.pod, status.namespace, status.podUid, status.attempt].join('_'),
      rootfsImage: status.image,
      rootfsImageRef: status.imageRef,
      rootfsImageName: status.image,
      runtime: status.setup?.runtimeType ?? '',
      createdTime: new Date(status.createdAtMs).toISOString(),
      checkpointedTime: new Date(nowMs).toISOString(),
      restoredTime: '0001-01-01T00:00:00Z',
      restored: false,
    },
    logPath: status.logPath,
    pid: status.pid,
    sequence,
    sequenceReason,
    consistency,
  };
}
