/**
 * sim/runtime: the simulated container runtime: its socket and how a checkpoint goes there. What
 * containers are and how they live is the model's.
 */
export { archiveContent, changedFiles } from './archive-content.ts';
export { type CheckpointResult, CheckpointRunner } from './checkpoint-runner.ts';
export { CriServer } from './cri-server.ts';
export type { GivenUp } from './grpc-answers.ts';
export { LayerStore } from './layer-store.ts';
export { NativeTasks } from './native-tasks.ts';
export { ShimLocks } from './shim-locks.ts';
