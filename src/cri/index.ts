/**
 * cri: the client of the container runtime's socket: CRI v1 and, on containerd, its own services
 * for tasks and for the changes of a file system. Foreign errors become ours here.
 */
export { createRuntimeClient, type RuntimeClientOptions } from './client.ts';
export type {
  ContainerdClient,
  RootfsDiff,
  Snapshot,
  TakenLayer,
  TaskCheckpoint,
} from './containerd-client.ts';
export type {
  ContainerEvidence,
  ContainerSetup,
  RuntimeClient,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeSettings,
  RuntimeVersion,
  TaskState,
} from './runtime-client.ts';
