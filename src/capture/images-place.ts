import { statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { formatBytes, isStillpointError, messageOf, nodeCodeOf } from '../base/index.ts';
import { memoryFloorBytes, type NodeMemory, type NodeProbe } from '../node/index.ts';
import type { CaptureSpec } from '../rules/index.ts';
import { imagesFolder, imagesFolderOf } from './images-folder.ts';

/** Where CRIU's images go. */
export interface ImagesPlace {
  kind: 'disk' | 'memory';
  /** Absolute. */
  directory: string;
  /** Why they do not lie in memory, though the rule asks for it. */
  why?: string;
}

/** Where placeImages looks. */
export interface PlaceSources {
  node?: NodeProbe;
  places: { checkpointsDirectory: string };
  memoryDirectory?: string;
  evictionHard(): Readonly<Record<string, string>> | undefined;
}

/** Share of the node's memory that must stay free above the kubelet's own threshold. */
const MARGIN = 0.05;

/** The same of the tmpfs: on /run, runtime and node keep there what no container starts without. */
const TMPFS_MARGIN = 0.2;

/** f_type of a tmpfs, statfs(2). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Images lie beside the archive, or on a tmpfs where the rule allows it and nothing is risked: they
 * are charged to nobody's limit, so that only the node's own memory bounds them.
 */
export function placeImages(
  sources: PlaceSources,
  { spec, archivePath }: { spec: CaptureSpec; archivePath: string },
  imageBytes: number,
): ImagesPlace {
  const folder = imagesFolderOf(sources.places.checkpointsDirectory, archivePath);
  const disk: ImagesPlace = { kind: 'disk', directory: imagesFolder(folder).checkpoint };
  if (spec.images !== 'memory') return disk;
  const { memoryDirectory } = sources;
  if (memoryDirectory === undefined)
    return { ...disk, why: 'no directory in memory is configured' };
  const why = objectionToMemory({
    imageBytes,
    tmpfs: readTmpfs(memoryDirectory),
    memory: readMemory(sources.node),
    evictionHard: sources.evictionHard(),
  });
  if (why !== undefined) return { ...disk, why };
  const directory = join(memoryDirectory, basename(folder), 'checkpoint');
  return { kind: 'memory', directory };
}

/** What is known of the memory that images would lie in. */
export interface MemoryFacts {
  imageBytes: number;
  tmpfs: { availableBytes: number; totalBytes: number } | string;
  memory: NodeMemory | string;
  evictionHard: Readonly<Record<string, string>> | undefined;
}

/** Why images should not lie in memory; undefined when they may. Pure. */
export function objectionToMemory(facts: MemoryFacts): string | undefined {
  const { imageBytes, tmpfs, memory, evictionHard } = facts;
  if (typeof tmpfs === 'string') return tmpfs;
  if (typeof memory === 'string') return memory;
  const { capacityBytes } = memory;
  const floorBytes = memoryFloorBytes(evictionHard, capacityBytes) + MARGIN * capacityBytes;
  return (
    tooLittle('the tmpfs', tmpfs.availableBytes, imageBytes, TMPFS_MARGIN * tmpfs.totalBytes) ??
    tooLittle("the node's memory", memory.availableBytes, imageBytes, floorBytes)
  );
}

function tooLittle(of: string, freeBytes: number, needBytes: number, floorBytes: number) {
  if (freeBytes - needBytes >= floorBytes) return undefined;
  const need = `${formatBytes(needBytes)} needed, ${formatBytes(floorBytes)} must stay`;
  return `${formatBytes(freeBytes)} of ${of} are free, ${need}`;
}

/** The nearest directory that is there counts: ours is made when it is first needed. */
function readTmpfs(directory: string): MemoryFacts['tmpfs'] {
  for (const path of [directory, join(directory, '..')]) {
    try {
      const space = statfsSync(path);
      if (space.type !== TMPFS_MAGIC) return `${directory} is not on a tmpfs`;
      const { bavail, blocks, bsize } = space;
      return { availableBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch (error) {
      if (nodeCodeOf(error) !== 'ENOENT') return `${path}: ${messageOf(error)}`;
    }
  }
  return `${directory} does not exist`;
}

function readMemory(node: NodeProbe | undefined): MemoryFacts['memory'] {
  const unknown = "the node's memory cannot be seen";
  if (!node) return unknown;
  try {
    const files = node.cgroups.openNodeMemory();
    const read = files.read();
    files.close();
    return typeof read === 'string' ? unknown : read;
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    return unknown;
  }
}
