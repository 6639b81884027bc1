import { type Clock, isStillpointError } from '../base/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/** Watches one container's freezer while a checkpoint runs. */
export interface FreezeWatch {
  /**
   * Ends the watch. From the first frozen sample to the end of the last, ms; undefined when no
   * sample was frozen. CRIU thaws the freezer and holds the processes by ptrace in between, so
   * that the whole span counts, not only the frozen samples.
   */
  stop(): number | undefined;
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
    firstMs ??= lastMs;
  };
  const cancel = clock.every(SAMPLE_MS, sample);
  return {
    stop() {
      cancel();
      sample();
      return firstMs === undefined ? undefined : lastMs - firstMs;
    },
  };
}
