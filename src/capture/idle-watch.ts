import { type Clock, isStillpointError } from '../base/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';
import { isTraced } from './tracer.ts';

/** Watches that somebody works on a container which stands still because of our capture. */
export interface IdleWatch {
  /** Aborted when nobody does: the container is to run again, whatever became of the call. */
  readonly signal: AbortSignal;
  /** Why it was aborted; undefined while it was not. */
  why(): string | undefined;
  /** Ends the watch. */
  stop(): void;
}

export interface IdleQuestion {
  clock: Clock;
  node?: NodeProbe;
  cgroup?: ContainerCgroup;
  /** We froze it: it stands still whatever its freezer says. Else only while that says frozen. */
  frozenByUs: boolean;
  /** Of the stop that is allowed, ms; negative when it has lasted longer. */
  msLeft(): number;
}

/**
 * From the freeze to CRIU's attach runc starts, which takes 50 to 100 ms and may take ten times that
 * on a busy node; from CRIU's detach to the reply runc and the shim end, which takes less. What takes
 * longer hangs.
 */
const IDLE_MS_MAX = 2_000;

/** Past the allowed stop: as long as a runtime that is well is given to begin, or to say its word. */
const IDLE_LATE_MS_MAX = 500;

/** Short beside the limits; a look reads a few lines of /proc. */
const LOOK_MS = 50;

/**
 * A runtime that hangs answers nothing and frees nothing, and the guard process does not step in
 * while we beat; a CRIU whose first process alone was killed leaves its freeze behind, and a helper
 * for which runc waits. CRIU at work shows by its tracer, and is let be however long it takes; its
 * own freeze before that lasts 100 ms. Begins at once; where no cgroup can be seen it sees nothing
 * and never aborts.
 */
export function watchIdle(question: IdleQuestion): IdleWatch {
  const { clock, node, cgroup, frozenByUs, msLeft } = question;
  const idle = new AbortController();
  let why: string | undefined;
  let lastBusyMs = clock.monotonicMs();
  const look = () => {
    const nowMs = clock.monotonicMs();
    if (!node || !cgroup || isBusy(node, cgroup, frozenByUs)) lastBusyMs = nowMs;
    const idleMs = nowMs - lastBusyMs;
    if (idleMs < (msLeft() > 0 ? IDLE_MS_MAX : IDLE_LATE_MS_MAX)) return;
    why = `nobody worked on the frozen container for ${Math.floor(idleMs)} ms: the runtime hangs`;
    cancel();
    idle.abort();
  };
  const cancel = clock.every(LOOK_MS, look);
  return { signal: idle.signal, why: () => why, stop: cancel };
}

/** What cannot be read proves nothing, and counts as busy. */
function isBusy(node: NodeProbe, cgroup: ContainerCgroup, frozenByUs: boolean): boolean {
  try {
    const standsStill = frozenByUs || node.cgroups.freezerState(cgroup) === 'frozen';
    return !standsStill || isTraced(node, cgroup);
  } catch (error) {
    if (isStillpointError(error)) return true;
    throw error;
  }
}
