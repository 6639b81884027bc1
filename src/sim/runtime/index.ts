/**
 * sim/runtime: the simulated container runtime: its socket and how a checkpoint goes there. What
 * containers are and how they live is the model's.
 */
export { type CheckpointResult, CheckpointRunner, type GivenUp } from './checkpoint-runner.ts';
export { CriServer } from './cri-server.ts';
