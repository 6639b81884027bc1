import { describe, expect, it } from '@jest/globals';
import type { EventSignal } from '../../../src/signal/index.ts';
import { createEventsSource } from '../../../src/sources/index.ts';
import { listOf, statusOf } from '../../support/scripted-api-server.ts';
import { createSourceRig, type SourceRig } from '../../support/source-rig.ts';

interface EventParts {
  name: string;
  version: string;
  count?: number;
  /** Seconds after 2026-01-01T00:00:00Z. */
  lastSeconds?: number;
  host?: string;
  component?: string;
  more?: object;
}

/** An `Unhealthy` Event as the kubelet of node-1 records it. */
function eventOf({ name, version, count = 1, lastSeconds = 0, ...rest }: EventParts): unknown {
  const lastTimestamp = new Date(Date.UTC(2026, 0, 1) + lastSeconds * 1_000).toISOString();
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: version },
    involvedObject: {
      kind: 'Pod',
      namespace: 'shop',
      name: 'cart-0',
      uid: 'u-1',
      fieldPath: 'spec.containers{app}',
    },
    reason: 'Unhealthy',
    type: 'Warning',
    message: 'Liveness probe failed: HTTP probe failed with statuscode: 500',
    source: { component: rest.component ?? 'kubelet', host: rest.host ?? 'node-1' },
    count,
    lastTimestamp,
    ...rest.more,
  };
}

/** A rig whose first list held these Events, watching. */
async function watching(known: unknown[]) {
  const rig = await createSourceRig(createEventsSource);
  (await rig.server.next('list')).reply(200, listOf(known, '5'));
  const watch = await rig.server.next('watch');
  watch.open();
  await rig.statuses.next(({ state }) => state === 'live');
  return { rig, watch };
}

/** `name+delta` of each Event emitted. */
function deltas(rig: SourceRig): string[] {
  return rig.signals
    .all()
    .filter((signal): signal is EventSignal => signal.kind === 'event')
    .map(({ eventName, countDelta }) => `${eventName}+${countDelta}`);
}

const until = (rig: SourceRig, name: string) =>
  rig.signals.next((signal) => signal.kind === 'event' && signal.eventName === name);

describe('the events source', () => {
  it('asks for Events about pods in all namespaces', async () => {
    await using rig = await createSourceRig(createEventsSource);
    const list = await rig.server.next('list');
    expect(list.path).toBe('/api/v1/events');
    expect(list.query.get('fieldSelector')).toBe('involvedObject.kind=Pod');
  });

  it('tells an Event with all it says', async () => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    await rig.clock.advance(2_500);
    watch.line({ type: 'ADDED', object: eventOf({ name: 'e', version: '6', lastSeconds: 2 }) });
    expect(await until(rig, 'e')).toEqual({
      kind: 'event',
      namespace: 'shop',
      pod: 'cart-0',
      podUid: 'u-1',
      container: 'app',
      reason: 'Unhealthy',
      type: 'Warning',
      message: 'Liveness probe failed: HTTP probe failed with statuscode: 500',
      countDelta: 1,
      component: 'kubelet',
      eventName: 'e',
      occurredMs: Date.UTC(2026, 0, 1, 0, 0, 2),
      seenMs: Date.UTC(2026, 0, 1, 0, 0, 2, 500),
    });
  });

  it.each([
    ['source.component', {}, 'kubelet'],
    [
      'reportingComponent where the first is empty',
      { source: {}, reportingComponent: 'scheduler' },
      'scheduler',
    ],
    ['nothing where neither is given', { source: {} }, undefined],
  ])('tells who recorded an Event, by %s', async (_what, more, component) => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    watch.line({ type: 'ADDED', object: eventOf({ name: 'new', version: '9', more }) });
    expect(await until(rig, 'new')).toMatchObject({ component });
  });

  it('replays nothing that was there at the start, but tells its growth', async () => {
    const { rig, watch } = await watching([eventOf({ name: 'old', version: '1', count: 7 })]);
    await using _ = rig;
    watch.line({ type: 'MODIFIED', object: eventOf({ name: 'old', version: '6', count: 9 }) });
    await until(rig, 'old');
    expect(deltas(rig)).toEqual(['old+2']);
  });

  it('tells after a relist what grew and what is new, and nothing else', async () => {
    const known = ['same', 'grown', 'expired'].map((name) =>
      eventOf({ name, version: '1', count: 3 }),
    );
    const { rig, watch } = await watching(known);
    await using _ = rig;
    await rig.clock.advance(60_000);
    watch.line({ type: 'ERROR', object: statusOf(410, 'Expired', 'too old') });
    (await rig.server.next('list')).reply(
      200,
      listOf(
        [
          eventOf({ name: 'same', version: '1', count: 3 }),
          eventOf({ name: 'grown', version: '8', count: 5, lastSeconds: 30 }),
          eventOf({ name: 'born', version: '9', count: 4, lastSeconds: 40 }),
          eventOf({ name: 'unseen-but-old', version: '2', lastSeconds: -600 }),
        ],
        '9',
      ),
    );
    await rig.server.next('watch');
    expect(deltas(rig)).toEqual(['grown+2', 'born+1']);
  });

  it('repeats nothing when a resumed watch sends a line again', async () => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    const first = { type: 'ADDED', object: eventOf({ name: 'e', version: '6' }) };
    watch.line(first);
    await until(rig, 'e');
    await rig.clock.advance(10_000);
    watch.reset();
    const again = await rig.server.next('watch');
    again.open();
    again.line(first);
    again.line({ type: 'ADDED', object: eventOf({ name: 'f', version: '7' }) });
    await until(rig, 'f');
    expect(deltas(rig)).toEqual(['e+1', 'f+1']);
  });

  it('leaves out what the kubelets of other nodes record, and passes on all the rest', async () => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    const reporting = { source: {}, reportingComponent: 'kubelet', reportingInstance: 'node-1' };
    const events = [
      eventOf({ name: 'elsewhere', version: '6', host: 'node-2' }),
      eventOf({
        name: 'elsewhere-new-api',
        version: '7',
        more: { ...reporting, reportingInstance: 'node-2' },
      }),
      eventOf({ name: 'here-new-api', version: '8', more: reporting }),
      eventOf({ name: 'controller', version: '9', component: 'job-controller', host: 'master-1' }),
      eventOf({ name: 'scheduler', version: '10', more: { source: {} } }),
      eventOf({ name: 'here', version: '11' }),
    ];
    for (const object of events) watch.line({ type: 'ADDED', object });
    await until(rig, 'here');
    expect(deltas(rig)).toEqual(['here-new-api+1', 'controller+1', 'scheduler+1', 'here+1']);
  });

  it('never takes an Event of our own for a sign', async () => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    const own = eventOf({ name: 'own', version: '6', component: 'stillpoint' });
    watch.line({ type: 'ADDED', object: own });
    watch.line({ type: 'ADDED', object: eventOf({ name: 'e', version: '7' }) });
    await until(rig, 'e');
    expect(deltas(rig)).toEqual(['e+1']);
  });

  it.each([
    ['spec.initContainers{proxy}', 'proxy'],
    ['spec.ephemeralContainers{debug}', 'debug'],
    ['spec.containers{app}.x', undefined],
    [undefined, undefined],
  ])('reads the container from the field path %s', async (fieldPath, container) => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    const involvedObject = { kind: 'Pod', namespace: 'shop', name: 'cart-0', fieldPath };
    const more = { involvedObject, message: 'x'.repeat(10_000) };
    watch.line({ type: 'ADDED', object: eventOf({ name: 'e', version: '6', more }) });
    const signal = (await until(rig, 'e')) as EventSignal;
    expect([signal.container, signal.podUid, signal.message.length]).toEqual([
      container,
      '',
      4_096,
    ]);
  });

  it('counts an Event that names no pod and goes on', async () => {
    const { rig, watch } = await watching([]);
    await using _ = rig;
    const more = { involvedObject: { kind: 'Pod' } };
    watch.line({ type: 'ADDED', object: eventOf({ name: 'odd', version: '6', more }) });
    watch.line({ type: 'ADDED', object: eventOf({ name: 'e', version: '7' }) });
    await until(rig, 'e');
    expect(rig.source.dropped()).toEqual({ 'unreadable-event': 1 });
    expect(deltas(rig)).toEqual(['e+1']);
  });
});
