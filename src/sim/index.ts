/**
 * sim: a simulated node in one process: API server, kubelet, container runtime, cgroup files and
 * archives, over their real protocols, so that the real agent runs against it unchanged. It
 * captures nothing real, decides nothing, and labels itself as simulated. Its archives hold one page
 * in sixteen of the memory that the container is said to use (CheckpointSpeed.pagesScale).
 */

export { type ArchiveContent, type ArchiveDamage, writeArchive } from './archive/index.ts';
export type { CheckpointFault, FaultPhase, FaultScope, GrpcCodeName } from './faults.ts';
export type {
  CheckpointVia,
  HappeningDetails,
  HappeningName,
  Happenings,
  HappeningTarget,
} from './happenings.ts';
export type { Attributes, Identity } from './identities.ts';
export type { SimContainerSpec, SimPodSpec, SimProbe } from './model/index.ts';
export type { BackOffTimes, CheckpointSpeed, SimOptions } from './options.ts';
export type { ContainerName, Scenario } from './scenario.ts';
export { createSim, type Injection, type Sim, type SimInfo } from './sim.ts';
