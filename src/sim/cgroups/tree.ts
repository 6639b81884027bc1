import type { Cancel } from '../../base/index.ts';
import type { Life, SimContainer, SimPod } from '../model/index.ts';

/** Files that look like the cgroup tree and /proc of a node, written by the model. */
export interface CgroupTree {
  /** Makes the root with what a reader recognises the version by. */
  prepare(): void;
  addPod(pod: SimPod): void;
  removePod(pod: SimPod): void;
  addLife(pod: SimPod, container: SimContainer, life: Life): void;
  removeLife(pod: SimPod, life: Life): void;
  /** Memory of the container and of its pod. */
  writeMemory(pod: SimPod, container: SimContainer, life: Life): void;
  /** Freezer files, and who traces the process. */
  writeFreezer(pod: SimPod, container: SimContainer, life: Life): void;
  /** What the freezer file asks for now: an agent may have written it. */
  freezeAsked(pod: SimPod, life: Life): boolean | undefined;
  /** Calls when that file was written: a kernel obeys at once, not at the next tick of the sim. */
  watchFreezer(pod: SimPod, life: Life, onWritten: () => void): Cancel;
  /** Counts an OOM kill where the kernel counts it. */
  countOomKill(pod: SimPod): void;
  /** runtimeSpec.linux.cgroupsPath. */
  cgroupsPath(pod: SimPod, life: Life): string;
}

export interface TreeOptions {
  root: string;
  procRoot: string;
  driver: 'cgroupfs' | 'systemd';
}

/** The pid that /proc/PID/status names as tracer while CRIU works. */
export const CRIU_PID = 4_200_001;
