/**
 * lease: the agent's hold on the guard process: the protocol of the guard's unix socket, for both
 * sides, and the client that keeps the connection alive and has intents acknowledged before
 * anything is frozen. It never freezes or thaws, and never decides whether to.
 */
export { readBootId } from './boot-id.ts';
export { createGuardLease, type GuardLeaseOptions } from './client.ts';
export {
  INTENTS_MAX,
  type NumberedIntent,
  type PauseIntent,
  readNumberedIntent,
} from './intent.ts';
export type { GuardLease, GuardStatus, Protection } from './lease.ts';
export { createLineReader, type LineReader } from './lines.ts';
export {
  BEAT_PROTECTING_MS,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  PROTOCOL_VERSION,
  type ResumedWhy,
  readFromAgent,
  readFromGuard,
  SILENCE_MS_MAX,
  writeLine,
} from './protocol.ts';
