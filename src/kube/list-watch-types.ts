import type { Clock, Logger, Random, StillpointError } from '../base/index.ts';
import type { ApiClient } from './api-client.ts';
import type { KubeObject } from './watch-line.ts';

/** How a change became known. */
export type ChangeOrigin =
  /** The very first list: what is, not what happens. */
  | 'firstList'
  /** A later list, after the watch had lost its place: found by comparing. */
  | 'relist'
  | 'watch';

/** One change of one object. `R` is what the caller's `remember` kept of an earlier version. */
export type Change<T, R> =
  | { type: 'added'; object: T; from: ChangeOrigin }
  /** `before` is absent when the earlier version had to be forgotten (knownMax). */
  | { type: 'modified'; object: T; before?: R; from: ChangeOrigin }
  | { type: 'deleted'; uid: string; before: R; from: ChangeOrigin };

/**
 * Where a list/watch stands; exactly one at a time.
 * - listing: entered at the start, after a 410, and when a line cannot be read twice over; left
 *   when the last page is in.
 * - watching: a watch is open, or one that was healthy has just ended and is opened again at once.
 * - backingOff: the last try failed; left when `untilMs` (monotonic) has come.
 * - stopped: after stop(); final.
 */
export type ListWatchState =
  | { state: 'listing' }
  | { state: 'watching'; resourceVersion: string }
  | { state: 'backingOff'; untilMs: number; error: StillpointError }
  | { state: 'stopped' };

export interface ListWatchOptions<T extends KubeObject, R> {
  api: ApiClient;
  /** `/api/v1/pods`. */
  path: string;
  /** `fieldSelector`, `labelSelector`; values not yet encoded. */
  query?: Readonly<Record<string, string>>;
  clock: Clock;
  /** For the jitter of back-off and watch length. */
  random: Random;
  log: Logger;
  /** Objects it says no to are as good as absent: neither kept nor delivered. Default all. */
  accepts?(object: T): boolean;
  /**
   * What to keep of an object to hand back as `before`. Small: objects themselves are not kept.
   */
  remember(object: T): R;
  /** How many objects are remembered at most; default no bound. */
  knownMax?: number;
  /** Called in the order of the changes. Must return at once. */
  onChange(change: Change<T, R>): void;
  /** Called at each change of state. */
  onState(state: ListWatchState): void;
}

/** A running list/watch. */
export interface ListWatch {
  state(): ListWatchState;
  /**
   * Wall-clock ms up to which nothing was missed: the last line of a watch, or the beginning of the
   * last complete list; undefined before that. In a relist it tells what is news.
   */
  liveUntilMs(): number | undefined;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}
