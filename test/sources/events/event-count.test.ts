import { describe, expect, it } from '@jest/globals';
import {
  countDelta,
  type EventArrival,
  type EventCount,
  eventCountOf,
} from '../../../src/sources/events/event-count.ts';

const T = Date.UTC(2026, 0, 1);
const at = (count: number, seconds: number): EventCount => ({ count, lastMs: T + seconds * 1_000 });
const changed = (before: EventCount): EventArrival => ({ kind: 'changed', before });

describe('what is new in an Event', () => {
  it.each<[string, EventCount, EventArrival, number]>([
    ['nothing of the first list is', at(7, 0), { kind: 'primes' }, 0],
    ['a new object is one occurrence', at(1, 0), { kind: 'new' }, 1],
    ['a new object with an old count is one, too', at(25, 0), { kind: 'new' }, 1],
    ['a count that grows by one', at(8, 5), changed(at(7, 0)), 1],
    ['a count that jumps because updates were dropped', at(40, 5), changed(at(25, 0)), 15],
    ['a count that goes back after a restart of the kubelet', at(1, 5), changed(at(25, 0)), 1],
    ['the same count at a later time', at(1, 5), changed(at(1, 0)), 1],
    ['the same count at the same time is nothing', at(3, 0), changed(at(3, 0)), 0],
    ['a change whose earlier count was forgotten', at(9, 0), { kind: 'changedUnknown' }, 1],
    ['found later, younger than what we saw', at(3, 60), { kind: 'foundLater', liveUntilMs: T }, 1],
    ['found later, within the clock slack', at(3, -5), { kind: 'foundLater', liveUntilMs: T }, 1],
    ['found later, but old', at(3, -60), { kind: 'foundLater', liveUntilMs: T }, 0],
    [
      'found when nothing was ever seen',
      at(3, 0),
      { kind: 'foundLater', liveUntilMs: undefined },
      0,
    ],
  ])('%s', (_, now, arrival, delta) => {
    expect(countDelta(now, arrival)).toBe(delta);
  });
});

describe('count and time of an Event', () => {
  it.each([
    ['of the old recorder', { count: 3, lastTimestamp: '2026-01-01T00:00:03Z' }, at(3, 3)],
    ['of the new recorder', { eventTime: '2026-01-01T00:00:04.5Z', count: null }, at(1, 4.5)],
    [
      'of a series',
      {
        eventTime: '2026-01-01T00:00:01Z',
        series: { count: 9, lastObservedTime: '2026-01-01T00:00:08Z' },
      },
      at(9, 8),
    ],
    [
      'that tells only when it was made',
      { metadata: { creationTimestamp: '2026-01-01T00:00:02Z' } },
      at(1, 2),
    ],
    ['that is odd', { count: -4.5, lastTimestamp: 'soon' }, { count: 1, lastMs: 0 }],
    ['that is nothing', null, { count: 1, lastMs: 0 }],
  ])('%s', (_, event, count) => {
    expect(eventCountOf(event)).toEqual(count);
  });
});
