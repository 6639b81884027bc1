import { basename } from 'node:path';
import { type Clock, isStillpointError, messageOf } from '../../base/index.ts';
import type { ContainerSetup, RuntimeClient } from '../../cri/index.ts';
import type { Availability, Backend, FreezeCosts } from '../backend.ts';
import { type DumpTools, dumpIntoFolder } from '../dump.ts';
import { judgeVersion } from './cri.ts';

export interface ContainerdBackendOptions extends Omit<DumpTools, 'containerd'> {
  runtime: RuntimeClient;
}

/** How long an answer to "are you there" is good for. */
const KNOWN_MS = 10_000;

/**
 * What CRIU alone costs before this node has taught us better: cautious, a quarter of what two slow
 * cores showed, 2.4 GB/s of memory into the page cache and 500 MB/s of files into the content store.
 * Files count only where they are taken frozen.
 */
const NATIVE_COSTS: FreezeCosts = {
  bytesPerSecond: 600e6,
  layerBytesPerSecond: 120e6,
  fixedMs: 150,
};

/**
 * Checkpoints with containerd's own Tasks.Checkpoint: CRIU writes straight into a folder of ours,
 * and the archive is made of it once the container runs. The container stands still for CRIU's own
 * window alone, and nothing passes through the content store.
 */
export function createContainerdBackend(options: ContainerdBackendOptions): Backend {
  const { runtime, clock } = options;
  const tools: DumpTools = { ...options, containerd: runtime.containerd };
  return {
    name: 'containerd',
    choosesPath: true,
    leavesImages: true,
    costs: NATIVE_COSTS,
    availability: rememberAvailability(runtime, clock),
    objection: ({ setup }) => objectionTo(setup),
    checkpoint: (request, signal) => dumpIntoFolder(tools, request, signal),
  };
}

/** Absence is not remembered: a runtime that restarts is back in a second. */
function rememberAvailability(runtime: RuntimeClient, clock: Clock): () => Promise<Availability> {
  let known: { atMs: number; availability: Availability } | undefined;
  return async () => {
    const nowMs = clock.monotonicMs();
    if (known && nowMs - known.atMs < KNOWN_MS) return known.availability;
    const availability = await askTasks(runtime);
    known = availability.kind === 'available' ? { atMs: nowMs, availability } : undefined;
    return availability;
  };
}

/** Nobody's id: asking for it shows whether somebody answers for tasks at all. */
const NOBODY = '0'.repeat(64);

/** Whether the runtime is one whose own checkpoint we know, and answers. */
export async function askTasks(
  runtime: Pick<RuntimeClient, 'version' | 'taskState'>,
): Promise<Availability> {
  try {
    const version = await runtime.version();
    if (version.name !== 'containerd') {
      return { kind: 'absent', why: `the runtime is ${version.name}, not containerd` };
    }
    const judged = judgeVersion(version);
    if (judged.kind !== 'available') return judged;
    await runtime.taskState(NOBODY).catch((error: unknown) => {
      if (!isStillpointError(error, 'not-found')) throw error;
    });
    return { kind: 'available', why: `${judged.why}, its tasks too` };
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    return { kind: 'absent', why: messageOf(error) };
  }
}

/** The one shim whose options of a checkpoint are known, and the one program that it was seen with. */
const SHIM = 'io.containerd.runc.v2';
const PROGRAM = 'runc';

/**
 * Why a container cannot be dumped this way. Another shim (a virtual machine) has no CRIU; another
 * program, and a user namespace, may well work, but nobody has proved that they do. Pure.
 */
export function objectionTo(setup: ContainerSetup | undefined): string | undefined {
  if (!setup) return 'the runtime does not tell how it runs the container';
  const { runtimeType, runtimeOptions, hasUserNamespace, snapshotter, snapshotKey } = setup;
  if (runtimeType !== SHIM) return `runs under ${runtimeType}, not ${SHIM}`;
  const program = runtimeOptions.binary_name ?? runtimeOptions.BinaryName ?? PROGRAM;
  if (typeof program !== 'string' || basename(program) !== PROGRAM) {
    return `runs with ${String(program)}, not ${PROGRAM}`;
  }
  if (hasUserNamespace) return 'has a user namespace of its own';
  return snapshotter === '' || snapshotKey === '' ? 'its snapshot is not known' : undefined;
}
