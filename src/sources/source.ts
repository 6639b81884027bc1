import type { Signal } from '../signal/index.ts';

/** Where a source stands. Exactly one state at a time; each change is logged by the agent. */
export type SourceStatus =
  | { state: 'starting' }
  | { state: 'live'; sinceMs: number }
  /** Works not or only in part, goes on trying; `reason` is for people. */
  | { state: 'degraded'; sinceMs: number; reason: string }
  | { state: 'stopped' };

/** Turns a part of the outside world into signals. */
export interface Source {
  readonly name: string;
  /** Called once. Resolves as soon as the source tries; an unreachable other side is `degraded`. */
  start(): Promise<void>;
  /** Resolves when nothing of the source runs any more. May be called in any state. */
  stop(): Promise<void>;
  status(): SourceStatus;
  /** Signals that were dropped because a bound was reached, by reason; grows only. */
  dropped(): Readonly<Record<string, number>>;
}

/** Takes one signal. Must return at once and never throw; given to each source by the agent. */
export type Emit = (signal: Signal) => void;

/** Told of each change of a source's state. */
export type OnStatus = (source: string, status: SourceStatus) => void;
