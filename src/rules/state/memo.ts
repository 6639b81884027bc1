import type { MemorySignal, ReasonCode } from '../../signal/index.ts';
import type { SignalSummary } from '../decision.ts';
import { type CountWindow, shiftWindow } from './window.ts';

/**
 * What one rule remembers of one container, beside its cooldown. Plain data, saved as it is. It
 * goes with the pod, so what is held is bounded by the pods of the node.
 */
export type Memo = MemoryMemo | EventMemo | CrashLoopMemo | ProbeMemo | SequenceMemo | RequestMemo;

/** A life above the limit of a memory rule. */
export interface MemoryMemo {
  kind: 'memory';
  /** The life it is about; another life starts anew. */
  containerId: string;
  /** Since when memory has been above; absent while it is below. */
  aboveSinceMs?: number;
  /** When the rule fired in this life; absent again once it is re-armed. */
  firedMs?: number;
  /** What was said last, so that a sample every 5 ms does not say it again. */
  reported?: ReasonCode;
  /** When to judge again without a new sample. */
  dueMs?: number;
  /** The newest sample that is above, or that fills up too soon. */
  sample?: MemorySignal;
}

/** Occurrences of an Event. */
export interface EventMemo {
  kind: 'event';
  counts: CountWindow;
}

/** Failed lives of a container, and the life that waits to be captured. */
export interface CrashLoopMemo {
  kind: 'crashLoop';
  restarts: CountWindow;
  /** The end that was counted last: stale or repeated status is not counted again. */
  countedEnd?: string;
  arm?: Arm;
}

/** Failures of a probe in a row, in one life. */
export interface ProbeMemo {
  kind: 'probe';
  containerId: string;
  /** By the kubelet's counters. */
  counted: number;
  /** By its Events, and when the last of them happened. */
  told: number;
  toldMs?: number;
  /** The longest row that was judged: the same failure is both counted and told. */
  judged: number;
  /** What was said last of this row; 'fired' ends it. */
  reported?: ReasonCode;
}

/** How far a sequence has come, over the lives of a container. */
export interface SequenceMemo {
  kind: 'sequence';
  /** The latest chain of the first step alone, of the first two, … ; never of all. */
  chains: SequenceLink[][];
}

/** One step that was seen. */
export interface SequenceLink {
  atMs: number;
  /** The signal in a few words. */
  text: string;
}

/** The value of the annotation that was seen last. */
export interface RequestMemo {
  kind: 'request';
  token: string;
}

/** Waits for a life (containerId absent) or for a life to be old enough (dueMs). */
export interface Arm {
  containerId?: string;
  dueMs?: number;
  expiresMs: number;
  signal: SignalSummary;
}

/** When the memo wants to be looked at without a signal. */
export function dueOf(memo: Memo): number | undefined {
  switch (memo.kind) {
    case 'memory':
      return memo.dueMs;
    case 'crashLoop':
      return memo.arm?.dueMs;
    case 'event':
    case 'probe':
    case 'sequence':
    case 'request':
      return undefined;
  }
}

/** Moves every time by `byMs`, for a clock that was set. */
export function shiftMemo(memo: Memo, byMs: number): void {
  switch (memo.kind) {
    case 'memory':
      if (memo.aboveSinceMs !== undefined) memo.aboveSinceMs += byMs;
      if (memo.firedMs !== undefined) memo.firedMs += byMs;
      if (memo.dueMs !== undefined) memo.dueMs += byMs;
      return;
    case 'event':
      shiftWindow(memo.counts, byMs);
      return;
    case 'probe':
      if (memo.toldMs !== undefined) memo.toldMs += byMs;
      return;
    case 'request':
      return;
    case 'sequence':
      for (const chain of memo.chains) for (const link of chain) link.atMs += byMs;
      return;
    case 'crashLoop':
      shiftWindow(memo.restarts, byMs);
      if (!memo.arm) return;
      memo.arm.expiresMs += byMs;
      if (memo.arm.dueMs !== undefined) memo.arm.dueMs += byMs;
  }
}
