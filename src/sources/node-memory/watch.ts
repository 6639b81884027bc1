import type { CgroupHints } from '../../node/index.ts';
import type { MemoryAmount, Target } from '../../signal/index.ts';

/** A container whose working set, and that of its pod, is to be known while memory is low. */
export interface PodContainer {
  target: Target;
  /** What finds its cgroup. */
  cgroup: CgroupHints;
}

/** What is to be told of the node's memory. */
export interface NodeMemoryWatch {
  /** While less than one of these is available, memory is low: pods are measured. */
  below: readonly MemoryAmount[];
  /** Also told at once: that one of these is reached again. */
  above: readonly MemoryAmount[];
  containers: readonly PodContainer[];
}
