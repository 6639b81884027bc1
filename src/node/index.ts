/**
 * node: the client of this machine: cgroup files (v1 and v2), freezer state, free disk space,
 * processes. It decides nothing; the one thing that it writes is a freezer file, when told to.
 */
export type {
  CgroupHints,
  Cgroups,
  ContainerCgroup,
  DiskSpace,
  FreezerState,
  NodeProbe,
} from './cgroup-types.ts';
export {
  type EvictionThreshold,
  evictionFloorBytes,
  memoryFloorBytes,
  parseEvictionThreshold,
} from './eviction.ts';
export {
  createMemoryFiles,
  type MemoryFiles,
  type MemoryReadFailure,
  workingSetBytes,
} from './memory-files.ts';
export type { NodeMemory, NodeMemoryFiles } from './node-memory.ts';
export { createNodeProbe, readDiskSpace } from './node-probe.ts';
export { type CgroupOptions, openCgroups } from './open-cgroups.ts';
