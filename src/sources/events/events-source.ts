import type { Clock, Logger, Random } from '../../base/index.ts';
import { type ApiClient, type Change, type KubeObject, startListWatch } from '../../kube/index.ts';
import type { Emit, OnStatus, Source } from '../source.ts';
import { createWatchedSource } from '../watched-source.ts';
import { countDelta, type EventArrival, type EventCount, eventCountOf } from './event-count.ts';
import { eventFactsFromApi, isFromOtherKubelet, isOurOwn } from './event-signal-from-api.ts';

export interface EventsSourceOptions {
  api: ApiClient;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
}

/** Counts kept; an Event lives an hour by default, so this is 20,000 different ones an hour. */
const COUNTS_MAX = 20_000;

/**
 * Events about pods, as the growth of their counts. Nothing that was there at the start is
 * replayed; what grew or appeared while the watch was broken is found by comparing and is news.
 * Events of other nodes' kubelets and our own are left out; whose pod the others concern, the
 * rules know.
 */
export function createEventsSource(options: EventsSourceOptions): Source {
  const { api, nodeName, clock, random, log, emit, onStatus } = options;
  const onChange = (change: Change<KubeObject, EventCount>) => {
    if (change.type === 'deleted') return;
    const facts = eventFactsFromApi(change.object);
    if (!facts) {
      source.drop('unreadable-event');
      return;
    }
    const now = eventCountOf(change.object);
    const delta = countDelta(now, arrivalOf(change, source.liveUntilMs()));
    if (delta === 0) return;
    const seenMs = clock.wallMs();
    const occurredMs = now.lastMs > 0 ? Math.min(now.lastMs, seenMs) : seenMs;
    emit({ kind: 'event', ...facts, countDelta: delta, occurredMs, seenMs });
  };
  const source = createWatchedSource({
    name: 'events',
    clock,
    onStatus,
    begin: (onState) =>
      startListWatch<KubeObject, EventCount>({
        api,
        path: '/api/v1/events',
        query: { fieldSelector: 'involvedObject.kind=Pod' },
        clock,
        random,
        log,
        accepts: (object) => !isFromOtherKubelet(object, nodeName) && !isOurOwn(object),
        remember: eventCountOf,
        knownMax: COUNTS_MAX,
        onChange,
        onState,
      }),
  });
  return source;
}

function arrivalOf(
  change: Exclude<Change<KubeObject, EventCount>, { type: 'deleted' }>,
  liveUntilMs: number | undefined,
): EventArrival {
  if (change.type === 'modified') {
    if (change.before) return { kind: 'changed', before: change.before };
    return { kind: 'changedUnknown' };
  }
  switch (change.from) {
    case 'firstList':
      return { kind: 'primes' };
    case 'relist':
      return { kind: 'foundLater', liveUntilMs };
    case 'watch':
      return { kind: 'new' };
  }
}
