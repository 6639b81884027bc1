/**
 * sources/memory: samples the memory of the watched containers at every cgroup level that bounds
 * them, calmly far from a limit and fast near it, and emits a signal while one is in alarm. It
 * does not choose whom to watch or from which ratio on: both are given as data.
 */
export {
  createMemorySource,
  type MemorySource,
  type MemorySourceOptions,
} from './memory-source.ts';
export type { MemoryWatch } from './watched.ts';
