/**
 * sources/memory: samples the memory of the watched containers at every cgroup level that bounds
 * them, calmly far from a limit and fast near it, and emits a signal while one is in alarm. It
 * does not choose whom to watch or from which ratio on: both are given as data.
 *
 * How soon a crossing of any share that a rule waits for is told: within 5 ms where the container
 * fills less than its whole limit in a second, because it is looked at each 5 ms from ten points
 * below the share on; a faster one is at that pace as soon as two calm looks show it. Within 100 ms
 * where it has been above the share for a second and fell by less than two points since: it rests
 * there, or wavers, and to look closely for ever would cost as much as 20 calm containers. At most
 * 32 are looked at each 5 ms, those that are full soonest.
 */
export {
  createMemorySource,
  type MemorySource,
  type MemorySourceOptions,
} from './memory-source.ts';
export type { MemoryWatch } from './watched.ts';
