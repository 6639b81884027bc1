import type { NodeMemoryFiles } from './node-memory.ts';

/** Where the cgroup files of one container lie; every path was seen to exist when it was made. */
export interface ContainerCgroup {
  version: 1 | 2;
  /**
   * Directories whose memory limits bound the container, the container's own first (with crun two
   * of them). Container and pod always, others when they had a limit then.
   */
  memoryLevels: readonly { level: 'container' | 'pod' | 'ancestor'; directory: string }[];
  /** v1: the freezer hierarchy's directory; v2: the container's own; crun's child where it is. */
  freezerDirectory: string;
}

/** What finds a cgroup: the runtime's pid or the spec's path, and the root that is mounted. */
export interface CgroupHints {
  pid?: number;
  /** runtimeSpec.linux.cgroupsPath: an absolute path or `slice:prefix:id` (systemd driver). */
  cgroupsPath?: string;
}

/**
 * `frozen`: it stands still. `freezing`: asked to, not there yet. `thawed` does not prove that it
 * runs: while CRIU works it holds the processes by ptrace with the freezer thawed.
 */
export type FreezerState = 'thawed' | 'freezing' | 'frozen';

/** Reads cgroup files of this machine. */
export interface Cgroups {
  readonly version: 1 | 2;
  /**
   * Undefined when no directory fits: the container is gone, or the tree is not mounted. Give both
   * hints where both are known: the path proves that the pid is the container's. Errors:
   * `unsupported` when /proc may not be read.
   */
  locate(hints: CgroupHints): ContainerCgroup | undefined;
  /** Undefined when the directory is gone. */
  freezerState(cgroup: ContainerCgroup): FreezerState | undefined;
  /**
   * Asks the freezer to freeze or thaw; only for curing what a checkpoint of ours left behind.
   * Errors: `not-found` when the directory is gone, `not-writable` when the tree is read-only.
   */
  setFreezer(cgroup: ContainerCgroup, wanted: 'frozen' | 'thawed'): void;
  /** The memory of the whole machine; close it after use. */
  openNodeMemory(): NodeMemoryFiles;
  /** Pids in the container's cgroup and below; empty when it is gone. */
  pids(cgroup: ContainerCgroup): readonly number[];
}

/** Space of the file system that holds a path. */
export interface DiskSpace {
  path: string;
  /** st_dev: equal for two paths on one file system. */
  device: number;
  totalBytes: number;
  /** What an unprivileged process could still write, as the kubelet counts (f_bavail). */
  availableBytes: number;
}

/** Asks the machine about itself. */
export interface NodeProbe {
  readonly cgroups: Cgroups;
  /** TracerPid of /proc/PID/status: 0 = nobody traces it; undefined = no such process. */
  tracerPid(pid: number): number | undefined;
  /** Bytes the container's processes hold that a checkpoint must write (anon + shmem + swapped). */
  imageBytes(cgroup: ContainerCgroup): number | undefined;
}
