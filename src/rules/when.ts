import type { AlertShape, MemoryAmount, ProbeFact } from '../signal/index.ts';

/** Exactly one condition kind a rule. */
export type When =
  | {
      kind: 'memory';
      above: number;
      forMs: number;
      /** Fires also when the limit is reached this soon, from the floor on. */
      filling?: { withinMs: number; floor: number };
      /** Falls under it: may fire again in the same life. Absent: not before the next life. */
      rearmBelow?: number;
    }
  /** `memory: { of: node }`: what the node has left, for what the kubelet would evict first. */
  | {
      kind: 'nodeMemory';
      availableBelow: MemoryAmount;
      /** May fire again from here on; never less than `availableBelow` counts. */
      availableAbove: MemoryAmount;
      forMs: number;
    }
  | { kind: 'event'; match: EventMatch; atLeast: number; withinMs: number }
  | { kind: 'crashLoop'; restarts: number; withinMs: number; captureAfterMs: number }
  | { kind: 'probe'; type: ProbeFact['type']; failures: number }
  | { kind: 'terminating'; causes: readonly TerminationCause[]; reserve: number }
  | { kind: 'alert'; shape: AlertShape; match: readonly FieldMatch[] }
  | { kind: 'sequence'; withinMs: number; steps: readonly SequenceStep[] }
  | { kind: 'request'; from: readonly ('cli' | 'annotation')[] }
  | ({ kind: 'schedule' } & SchedulePlan);

/** Why a pod is being deleted; `eviction` is either of `drain` and `taint`. */
export type TerminationCause = 'drain' | 'eviction' | 'taint' | 'preemption' | 'delete';

/** One sign of a sequence; `text` is for people. */
export type SequenceStep = { text: string } & (
  | { kind: 'event'; match: EventMatch }
  | { kind: 'alert'; shape: AlertShape; match: readonly FieldMatch[] }
  | { kind: 'memory'; above: number }
  | { kind: 'probe'; type: ProbeFact['type'] }
  | { kind: 'crash'; reasons?: readonly string[] }
);

/** A calendar, and what becomes of times that cannot begin when they come. */
export interface SchedulePlan {
  cron: string;
  timeZone: string;
  concurrency: 'Allow' | 'Forbid';
  startingDeadlineMs: number;
  catchUp: 'none' | 'latest';
  jitterMs: number;
  suspend: boolean;
}

export type WhenKind = When['kind'];

/** All parts that are present must hold. */
export interface EventMatch {
  reason: readonly string[];
  type?: 'Normal' | 'Warning';
  message?: TextTest;
  /** Tests of `eventFields`. */
  fields: readonly FieldMatch[];
}

/** A test of one text; `matches` was compiled at load from equals, in, glob, RE2 or exists. */
export interface TextTest {
  /** As written, for `explain` and messages. */
  text: string;
  matches(value: string): boolean;
}

/** A condition on one field of an alert or an Event. */
export interface FieldMatch {
  field: string;
  text: string;
  matches(value: unknown): boolean;
  /** What a value must be, or how it must begin, to match at all; absent = anything may. */
  needs?: { values: readonly unknown[] } | { prefix: string };
}
