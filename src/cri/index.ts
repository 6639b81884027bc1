/**
 * cri: the client of the container runtime's socket: CRI v1 and, on containerd, the two native
 * task calls that see and cure a paused container. Foreign errors become ours here.
 */
export { createRuntimeClient, type RuntimeClientOptions } from './client.ts';
export type {
  RuntimeClient,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeSettings,
  RuntimeVersion,
  TaskState,
} from './runtime-client.ts';
