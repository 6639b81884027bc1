import { type Clock, isStillpointError } from '../base/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/** Watches one container's freezer while a checkpoint runs. */
export interface FreezeWatch {
  /** Ends the watch; undefined when no sample was frozen. */
  stop(): FreezeSpan | undefined;
}

/** How long a container stood still, as far as its freezer shows. */
export interface FreezeSpan {
  /**
   * From the first frozen sample to the last, ms. CRIU thaws the freezer and holds the processes
   * by ptrace in between, so that the whole span counts, not only the frozen samples.
   */
  frozenMs: number;
  /** Wall clock of the last frozen sample: what happens later is not in the archive. */
  lastFrozenAtMs: number;
}

/** Short enough to see a freeze of one disk block, long enough to cost 1 % of a core. */
const SAMPLE_MS = 5;

export function watchFreezer(
  clock: Clock,
  node: NodeProbe | undefined,
  cgroup: ContainerCgroup | undefined,
): FreezeWatch {
  if (!node || !cgroup) return { stop: () => undefined };
  let firstMs: number | undefined;
  let lastMs = 0;
  let lastFrozenAtMs = 0;
  const read = () => {
    try {
      return node.cgroups.freezerState(cgroup);
    } catch (error) {
      // A number for the record is not worth a capture: an unreadable file ends the watch.
      if (!isStillpointError(error)) throw error;
      blind = true;
      return undefined;
    }
  };
  let blind = false;
  const sample = () => {
    if (blind || read() !== 'frozen') return;
    lastMs = clock.monotonicMs();
    lastFrozenAtMs = clock.wallMs();
    firstMs ??= lastMs;
  };
  const cancel = clock.every(SAMPLE_MS, sample);
  return {
    stop() {
      cancel();
      sample();
      return firstMs === undefined ? undefined : { frozenMs: lastMs - firstMs, lastFrozenAtMs };
    },
  };
}
