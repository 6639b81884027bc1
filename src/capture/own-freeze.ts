import { isStillpointError, messageOf, StillpointError } from '../base/index.ts';
import type { ContainerdClient } from '../cri/index.ts';
import type { GuardLease, PauseIntent, Protection } from '../lease/index.ts';
import type { ContainerCgroup } from '../node/index.ts';
import type { HeldFreeze } from './backend.ts';
import { withTimeLimit } from './backends/time-limit.ts';
import { ensureThawed, type ThawTools } from './thaw.ts';
import { within } from './within.ts';

/** What freezing for ourselves needs. */
export interface FreezeTools extends ThawTools {
  containerd: Pick<ContainerdClient, 'pauseTask'>;
  /** Without one nothing is frozen. */
  lease?: Pick<GuardLease, 'protect'>;
}

/** A container that stands still because we froze it. */
export interface OwnFreeze extends HeldFreeze {
  /** When it was asked to freeze, monotonic: it may stand still since then. */
  beganMs: number;
  /** Asks it to run again. Whether it does, the thaw check proves: never rejects. */
  thaw(): Promise<void>;
  /** The guard may have resumed it meanwhile. */
  lapsed(): boolean;
}

export type FreezeAttempt =
  | { kind: 'frozen'; freeze: OwnFreeze }
  /** It runs, as before. */
  | { kind: 'not-frozen'; why: string }
  /** It could not be frozen in time, and does not surely run again. */
  | { kind: 'doubtful'; why: string; held: HeldFreeze };

/** Freezing takes ms; what takes longer waits for a process that hangs in the kernel. */
const FREEZE_MS_MAX = 250;

/** How long we wait for proof that a freeze given up left no trace, before the capture ends. */
const UNDO_MS_MAX = 3_000;

/**
 * Freezes the container under the protection of the guard process: by its freezer file, which is far
 * quicker and leaves one file to undo, or by Tasks.Pause where the file cannot be seen or written.
 * One that takes too long is given up and undone.
 *
 * A containerd that starts again while a task is paused makes the container's state unknown, and the
 * kubelet then kills and restarts it within about a minute (containerd loads only created, running
 * and stopped tasks); one that is frozen by its file is a running task to it.
 */
export async function freezeForUs(
  tools: FreezeTools,
  target: { containerId: string; cgroup?: ContainerCgroup },
  signal: AbortSignal,
): Promise<FreezeAttempt> {
  const { cgroup } = target;
  if (cgroup) {
    const byFile = await attempt(tools, target, 'freezer', signal);
    if (byFile.kind !== 'not-writable') return byFile;
  }
  const byTask = await attempt(tools, target, 'task', signal);
  return byTask.kind === 'not-writable' ? { kind: 'not-frozen', why: byTask.why } : byTask;
}

type Attempt = FreezeAttempt | { kind: 'not-writable'; why: string };

async function attempt(
  tools: FreezeTools,
  target: { containerId: string; cgroup?: ContainerCgroup },
  via: PauseIntent['via'],
  signal: AbortSignal,
): Promise<Attempt> {
  const { containerId, cgroup } = target;
  const { clock, lease } = tools;
  if (!lease) return { kind: 'not-frozen', why: 'no-guard: none is configured' };
  let protection: Protection;
  try {
    protection = await lease.protect({
      containerId,
      via,
      cgroupVersion: cgroup?.version ?? tools.node?.cgroups.version ?? 1,
      freezerDirectory: cgroup?.freezerDirectory,
    });
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    return { kind: 'not-frozen', why: `no-guard: ${error.message}` };
  }
  const beganMs = clock.monotonicMs();
  const held: HeldFreeze = { frozenBy: via, release: () => protection.release() };
  const thaw = () => thawOwn(tools, target, via);
  const limit = withTimeLimit(clock, FREEZE_MS_MAX, signal);
  try {
    if (via === 'task') await tools.containerd.pauseTask(containerId, limit.signal);
    else await freezeByFile(tools, cgroup, limit.signal);
    const freeze = { ...held, beganMs, thaw, lapsed: () => protection.lapsed() };
    return { kind: 'frozen', freeze };
  } catch (error) {
    if (isStillpointError(error, 'not-writable')) {
      held.release();
      return { kind: 'not-writable', why: error.message };
    }
    const why = limit.timedOut() ? `not frozen within ${FREEZE_MS_MAX} ms` : messageOf(error);
    return await undo(tools, target, { held, thaw, why });
  } finally {
    limit.end();
  }
}

/** A freeze that failed may have stopped a part of the processes, or may come to its end yet. */
async function undo(
  tools: FreezeTools,
  { containerId, cgroup }: { containerId: string; cgroup?: ContainerCgroup },
  { held, thaw, why }: { held: HeldFreeze; thaw(): Promise<void>; why: string },
): Promise<FreezeAttempt> {
  await thaw();
  const { end } = await ensureThawed(
    { ...tools, thawMsMax: UNDO_MS_MAX },
    { containerId, cgroup, frozenBefore: false, mayFinishLater: false, frozenBy: held.frozenBy },
  );
  if (end === 'stuck') return { kind: 'doubtful', why, held };
  held.release();
  return { kind: 'not-frozen', why };
}

async function freezeByFile(
  { node, clock }: FreezeTools,
  cgroup: ContainerCgroup | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!node || !cgroup) {
    const message = 'the freezer of the container cannot be seen from here';
    throw new StillpointError({ code: 'not-writable', message });
  }
  node.cgroups.setFreezer(cgroup, 'frozen');
  while (node.cgroups.freezerState(cgroup) !== 'frozen') await clock.sleep(1, signal);
}

/**
 * How long a thaw waits for Resume before it looks for itself; a runtime that is well takes 20 ms.
 * The call goes on: one that a busy runtime answers late still counts.
 */
const RESUME_MS_MAX = 250;

async function thawOwn(
  tools: FreezeTools,
  { containerId, cgroup }: { containerId: string; cgroup?: ContainerCgroup },
  via: PauseIntent['via'],
): Promise<void> {
  try {
    if (via === 'task') await resumeSoon(tools, containerId);
    else if (cgroup) tools.node?.cgroups.setFreezer(cgroup, 'thawed');
  } catch (error) {
    // Gone, running already, or still held by CRIU: only the state tells, and the thaw check asks.
    tools.log.debug('own-thaw-failed', { containerId, via, why: messageOf(error) });
  }
}

async function resumeSoon({ clock, runtime }: FreezeTools, containerId: string): Promise<void> {
  if (runtime) await within(clock, RESUME_MS_MAX, runtime.resumeTask(containerId));
}
