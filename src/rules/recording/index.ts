/**
 * rules/recording: what a recording of signals holds, and how it is decided again. Lines in, results
 * out; it reads and writes no file.
 */
export { compareFirings, type FiringChange, isFiring } from './compare.ts';
export {
  RECORDING_VERSION,
  type RecordedDecision,
  type RecordedRule,
  type RecordingEntry,
  recordedDecision,
  type SignalEntry,
  type StateCause,
  type StateEntry,
  signalEntry,
  stateEntry,
} from './entry.ts';
export { readEntry } from './read-entry.ts';
export { createReplay, type Difference, type Replay, type ReplayResult } from './replay.ts';
