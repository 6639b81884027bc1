/**
 * capture: our act on one container: guard, checkpoint through a backend, and the thaw check on
 * every way out. It never decides whether a capture is wanted and never reads an archive.
 */
export type { Backend, CheckpointReply, CheckpointRequest } from './backend.ts';
export { type FailureClass, failureClasses } from './failure.ts';
export type { CaptureOutcome, CaptureTimings } from './outcome.ts';
