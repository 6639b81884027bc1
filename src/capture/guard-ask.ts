import { accessSync, constants, lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Clock, isStillpointError, messageOf, nodeCodeOf } from '../base/index.ts';
import type { RuntimeClient, RuntimeContainerStatus, TaskState } from '../cri/index.ts';
import {
  type ContainerCgroup,
  type DiskSpace,
  evictionFloorBytes,
  type NodeProbe,
  readDiskSpace,
} from '../node/index.ts';
import type { CaptureSpec } from '../rules/index.ts';
import { findContainer, type PodFact, type Target } from '../signal/index.ts';
import { beginOfName, kubeletNameBytes } from './archive-name.ts';
import type { Backend, FreezeCosts } from './backend.ts';
import { type DiskPlaces, diskNeeds, type Engine } from './disk-need.ts';
import type { FreezeBytes } from './freeze-model.ts';
import type {
  ArchivePlace,
  CaptureSize,
  ContainerSight,
  DiskFact,
  GuardFacts,
} from './guard-facts.ts';
import { type ImagesPlace, placeImages } from './images-place.ts';
import type { Sequencing } from './sequence.ts';
import { findTracer } from './tracer.ts';
import { within } from './within.ts';

/** Where the guard looks. */
export interface GuardSources {
  clock: Clock;
  runtime?: RuntimeClient;
  node?: NodeProbe;
  /** The pod of a target as the pod table has it now. */
  podOf(target: Target): PodFact | undefined;
  /** Why a container may not be captured at all; undefined = it may. */
  denyReason(pod: PodFact, target: Target): string | undefined;
  places: DiskPlaces;
  /** A tmpfs for images; undefined = they always go to the disk. */
  memoryDirectory?: string;
  /** Why the checkpoints directory cannot be used, whatever its mode says; undefined = it can. */
  directoryProblem?(): string | undefined;
  /** evictionHard of the kubelet; undefined while it is not known (its defaults count then). */
  evictionHard(): Readonly<Record<string, string>> | undefined;
  /** Free space of a path; the real one when left out. */
  diskSpace?: (path: string) => DiskSpace;
}

export interface GuardQuestion {
  target: Target;
  spec: CaptureSpec;
  backend: Backend;
  /** The name that we would choose; the kubelet chooses its own. */
  archivePath: string;
  costs: FreezeCosts & { learnt: boolean };
  /** What the runtime said of the container, see askRuntime. */
  seen: RuntimeSight;
  /** Of a backend that leaves images. */
  sequencing?: Sequencing;
}

/** Facts, and what the capture needs to go on. */
export interface GuardAnswer {
  facts: GuardFacts;
  cgroup?: ContainerCgroup;
  /** Where the images go; for a backend that leaves some. */
  imagesPlace?: ImagesPlace;
}

/** Share of a disk that must stay free above the kubelet's own eviction threshold. */
const DISK_MARGIN = 0.05;

/** A container with seconds to live can spare this for the size of its writable layer. */
const HURRY_LAYER_MS = 30;

/** Collects the facts; decides nothing. Throws only for what no guard can judge (a bug). */
export function askGuard(sources: GuardSources, question: GuardQuestion): GuardAnswer {
  const { target, spec, backend, costs, seen, sequencing } = question;
  const pod = sources.podOf(target);
  const { node } = sources;
  const cgroup = seen.status && node?.cgroups.locate(seen.status);
  const size = sizeOf(node, cgroup, seen, pod, target);
  const imagesPlace = sequencing && placeImages(sources, question, size?.imageBytes ?? 0);
  const engine = sequencing ? dumpEngine(imagesPlace) : seen.hasTasks ? 'containerd' : 'cri-o';
  const isTakenRunning = sequencing?.consistency === 'running';
  const facts: GuardFacts = {
    nowMs: sources.clock.wallMs(),
    target,
    spec,
    backend: backend.name,
    pod,
    denied: pod && sources.denyReason(pod, target),
    container: seen.sight,
    freezer: cgroup && node?.cgroups.freezerState(cgroup),
    task: seen.task,
    tracer: cgroup && node ? findTracer(node, cgroup) : undefined,
    size: size && isTakenRunning ? { ...size, layerBytes: 0 } : size,
    costs,
    disks: diskFacts(sources, engine, size ?? { imageBytes: 0, layerBytes: 0 }),
    archive: archivePlace(sources, question),
  };
  return { facts, cgroup, imagesPlace };
}

function dumpEngine(place: ImagesPlace | undefined): Engine {
  return place?.kind === 'memory' ? 'dump-in-memory' : 'dump';
}

/** What the runtime says of a container; each question that had no answer left its part out. */
export interface RuntimeSight {
  sight: ContainerSight;
  status?: RuntimeContainerStatus;
  task?: TaskState;
  layerBytes?: number;
  /** False on a runtime without a task API, which CRI-O is. */
  hasTasks: boolean;
}

/**
 * All questions at once; each that has no answer leaves its fact out. In a hurry the size of the
 * writable layer is waited for only shortly: packing it can take most of the stop, so it is asked.
 */
export async function askRuntime(
  { runtime, clock }: Pick<GuardSources, 'runtime' | 'clock'>,
  id: string,
  hurry: boolean,
): Promise<RuntimeSight> {
  if (!runtime) return { sight: { kind: 'not-asked' }, hasTasks: true };
  const asked = runtime.writableLayerBytes(id);
  const [status, task, layer] = await Promise.allSettled([
    runtime.status(id),
    runtime.taskState(id),
    hurry ? within(clock, HURRY_LAYER_MS, asked) : asked,
  ]);
  return {
    sight: sightOf(status),
    status: answerOf(status),
    task: answerOf(task),
    layerBytes: answerOf(layer),
    hasTasks: !(task.status === 'rejected' && isStillpointError(task.reason, 'unsupported')),
  };
}

function answerOf<T>(result: PromiseSettledResult<T>): T | undefined {
  return result.status === 'fulfilled' ? result.value : undefined;
}

function sightOf(result: PromiseSettledResult<RuntimeContainerStatus>): ContainerSight {
  if (result.status === 'fulfilled') {
    const { state, startedAtMs } = result.value;
    return { kind: 'seen', state, startedAtMs };
  }
  if (isStillpointError(result.reason, 'not-found')) return { kind: 'gone' };
  return { kind: 'unreachable', why: messageOf(result.reason) };
}

function sizeOf(
  node: NodeProbe | undefined,
  cgroup: ContainerCgroup | undefined,
  seen: RuntimeSight,
  pod: PodFact | undefined,
  target: Target,
): CaptureSize | undefined {
  const layerBytes = seen.layerBytes ?? 0;
  const imageBytes = cgroup && node?.imageBytes(cgroup);
  if (imageBytes !== undefined) return { imageBytes, layerBytes, from: 'cgroup' };
  const known = pod && findContainer(pod, target.container)?.memoryLimitBytes;
  const limitBytes = seen.status?.memoryLimitBytes ?? known;
  if (limitBytes === undefined) return undefined;
  return { imageBytes: limitBytes, layerBytes, from: 'limit' };
}

function diskFacts(sources: GuardSources, engine: Engine, bytes: FreezeBytes): DiskFact[] {
  const { places } = sources;
  const read = sources.diskSpace ?? readDiskSpace;
  const optional = (path: string | undefined) => {
    try {
      return path === undefined ? undefined : read(path);
    } catch (error) {
      // The agent's mounts do not show it: its bytes count to the checkpoints directory's disk.
      if (isStillpointError(error)) return undefined;
      throw error;
    }
  };
  const checkpointsDirectory = optional(places.checkpointsDirectory);
  // Unreadable means that it cannot be written either, which is a guard of its own.
  if (!checkpointsDirectory) return [];
  const needs = diskNeeds(engine, bytes, {
    checkpointsDirectory,
    runtimeRoot: optional(places.runtimeRoot),
    runtimeTmp: optional(places.runtimeTmp),
  });
  return needs.map(({ disk, needBytes }) => ({
    path: disk.path,
    needBytes,
    availableBytes: disk.availableBytes,
    floorBytes: evictionFloorBytes(sources.evictionHard(), disk) + DISK_MARGIN * disk.totalBytes,
  }));
}

function archivePlace(sources: GuardSources, question: GuardQuestion): ArchivePlace {
  const { archivePath, target, backend } = question;
  const nowMs = sources.clock.wallMs();
  const directory = dirname(archivePath);
  const nameBytes = backend.choosesPath
    ? Buffer.byteLength(basename(archivePath))
    : kubeletNameBytes(target);
  const problem = sources.directoryProblem?.();
  if (problem !== undefined) return { directory, nameBytes, notWritable: problem };
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    const collidesWith = backend.choosesPath
      ? existing(archivePath)
      : sameSecond(directory, target, nowMs);
    return { directory, nameBytes, collidesWith };
  } catch (error) {
    return { directory, nameBytes, notWritable: nodeCodeOf(error) ?? messageOf(error) };
  }
}

function existing(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false }) ? basename(path) : undefined;
}

/**
 * An archive of this target that was begun in this very second: the kubelet's names know whole
 * seconds only, and the runtime writes into a file of that name without emptying it first. A
 * directory that did not change in this second holds none, so that it is rarely listed.
 */
function sameSecond(directory: string, target: Target, nowMs: number): string | undefined {
  const secondMs = Math.floor(nowMs / 1_000) * 1_000;
  if (statSync(directory).mtimeMs < secondMs) return undefined;
  return readdirSync(directory).find((name) => (beginOfName(target, name) ?? 0) >= secondMs);
}
