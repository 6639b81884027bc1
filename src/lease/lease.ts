import type { PauseIntent } from './intent.ts';

/** Whether the guard process can be relied on now. */
export type GuardStatus =
  /** It has answered within the last seconds. */
  { state: 'live'; pid: number } | { state: 'absent'; why: string };

/** The guard's word that it resumes one container when we cannot. */
export interface Protection {
  /**
   * True as soon as it cannot be ruled out that the guard has resumed the container: it said so, we
   * were silent for too long, or the guard is lost now. Never false again after the first two.
   */
  lapsed(): boolean;
  /** Call once the container is proved to run. May be called twice. */
  release(): void;
}

/** The agent's hold on the guard process of its node. */
export interface GuardLease {
  status(): GuardStatus;
  /**
   * Resolves once the guard has acknowledged the intent; only then may anything be frozen. Within
   * 50 ms it rejects otherwise: `unreachable` (no guard, no answer in time: nothing is protected),
   * `refused` (the guard answers for no such container, for example one that is frozen already).
   */
  protect(intent: PauseIntent): Promise<Protection>;
  /** Ends the connection. What is still protected then, the guard resumes. May be called twice. */
  stop(): Promise<void>;
}
