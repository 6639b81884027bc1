import { numberAt, objectAt, timeAt } from '../api-object.ts';

/** What is kept of an Event object to tell later what is new in it. */
export interface EventCount {
  /** `series.count` or `count`; 1 when neither is there. */
  count: number;
  /** When it last occurred, ms; 0 when it tells no time. */
  lastMs: number;
}

/** How an Event object arrived, and what was known of it. */
export type EventArrival =
  /** Of the first list: it primes the count and is no news. */
  | { kind: 'primes' }
  /** Never seen before, in a watch: it has just been made. */
  | { kind: 'new' }
  /** Never seen before, in a later list: news if it is younger than what we had seen. */
  | { kind: 'foundLater'; liveUntilMs: number | undefined }
  | { kind: 'changed'; before: EventCount }
  /** Changed, but the earlier count had to be forgotten. */
  | { kind: 'changedUnknown' };

/** The API tells whole seconds, and the node's clock may differ a little from the recorder's. */
const CLOCK_SLACK_MS = 10_000;

/** Reads count and time of an Event (core/v1), as both recorders of client-go write them. */
export function eventCountOf(event: unknown): EventCount {
  const series = objectAt(event, 'series');
  const count = numberAt(series, 'count') ?? numberAt(event, 'count') ?? 1;
  const times = [
    timeAt(series, 'lastObservedTime'),
    timeAt(event, 'lastTimestamp'),
    timeAt(event, 'eventTime'),
  ].filter((time) => time !== undefined);
  const createdMs = timeAt(objectAt(event, 'metadata'), 'creationTimestamp') ?? 0;
  return {
    count: Math.max(1, Math.floor(count)),
    lastMs: times.length > 0 ? Math.max(...times) : createdMs,
  };
}

/**
 * How many occurrences are new; 0 = nothing new. Counts jump when the recorder drops updates, and
 * go back to 1 when the kubelet restarts: then one occurrence is what is sure.
 */
export function countDelta(now: EventCount, arrival: EventArrival): number {
  switch (arrival.kind) {
    case 'primes':
      return 0;
    case 'new':
    case 'changedUnknown':
      // A new object may carry an old count: the recorder makes it anew when the old one expired.
      return 1;
    case 'foundLater':
      if (arrival.liveUntilMs === undefined) return 0;
      return now.lastMs > arrival.liveUntilMs - CLOCK_SLACK_MS ? 1 : 0;
    case 'changed': {
      const { before } = arrival;
      if (now.count > before.count) return now.count - before.count;
      return now.count < before.count || now.lastMs > before.lastMs ? 1 : 0;
    }
  }
}
