import { describe, expect, it } from '@jest/globals';
import { createRandom, type ErrorCode, StillpointError } from '../../src/base/index.ts';
import type { ApiClient, ApiRequest } from '../../src/kube/index.ts';
import { createKubeEvents } from '../../src/outputs/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { archived, failed, refused, triggerOf } from '../support/outcomes.ts';
import { createRecordingLog } from '../support/recording-log.ts';

interface Body {
  metadata?: { name: string };
  count: number;
  reason: string;
}

/** An API server that keeps what it is sent and fails as told. */
function start() {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const requests: ApiRequest[] = [];
  const world = {
    fails: (_request: ApiRequest): ErrorCode | undefined => undefined,
    /** Set to hold answers back. */
    gate: Promise.resolve(),
  };
  const api: Pick<ApiClient, 'json'> = {
    async json<T>(request: ApiRequest, signal?: AbortSignal): Promise<T> {
      const aborted = new Promise<never>((_resolve, reject) => {
        const cancelled = () => reject(new StillpointError({ code: 'cancelled', message: 'cut' }));
        signal?.addEventListener('abort', cancelled);
      });
      await Promise.race([world.gate, aborted]);
      const code = world.fails(request);
      if (code) throw new StillpointError({ code, message: `told to fail: ${code}` });
      requests.push(request);
      return {} as T;
    },
  };
  const events = createKubeEvents({ api, node: 'node-a', clock, random: createRandom(1), log });
  const bodies = () => requests.map(({ body }) => body as Body);
  return { events, clock, requests, bodies, lines, world };
}

describe('Kubernetes Events', () => {
  it('posts an Event into the namespace of the pod', async () => {
    const { events, clock, requests, bodies } = start();
    events.ended(archived());
    await clock.advance(0);
    expect(requests).toMatchObject([{ method: 'POST', path: '/api/v1/namespaces/shop/events' }]);
    expect(bodies()[0]).toMatchObject({ reason: 'CheckpointCreated', count: 1 });
    expect(bodies()[0]?.metadata?.name).toMatch(/^cart-a\.[0-9a-f]{16}$/);
    expect(events.dropped()).toEqual({});
  });

  it('tells on the pod what mode observe would have captured, and no other decision', async () => {
    const { events, clock, requests } = start();
    events.decided(fireOn(targetOf('a')));
    events.decided({ ...fireOn(targetOf('a')), verdict: 'suppress', reason: 'cooldown' });
    events.decided({ ...fireOn(targetOf('a')), verdict: 'suppress', reason: 'observed' });
    await clock.advance(0);
    expect(requests).toMatchObject([
      {
        method: 'POST',
        body: {
          reason: 'CheckpointSkipped',
          type: 'Normal',
          message: expect.stringMatching(/^rule rule-a: would have been captured: .*\(observed\)/),
        },
      },
    ]);
  });

  it('counts a repeat up in the same object', async () => {
    const { events, clock, requests, bodies } = start();
    events.ended(failed());
    await clock.advance(1_000);
    events.ended(failed());
    await clock.advance(1_000);
    expect(requests[1]).toMatchObject({
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      path: `/api/v1/namespaces/shop/events/${bodies()[0]?.metadata?.name}`,
      body: { count: 2, lastTimestamp: '2026-01-01T00:00:01Z' },
    });
  });

  it('makes a new object when the API server has forgotten the old one', async () => {
    const { events, clock, requests, bodies, world } = start();
    events.ended(failed());
    await clock.advance(0);
    world.fails = ({ method }) => (method === 'PATCH' ? 'not-found' : undefined);
    events.ended(failed());
    await clock.advance(1);
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST']);
    expect(bodies().map(({ count }) => count)).toEqual([1, 1]);
    expect(bodies()[0]?.metadata?.name).not.toBe(bodies()[1]?.metadata?.name);
  });

  it('makes new objects, and says why once, without the right to patch', async () => {
    const { events, clock, requests, lines, world } = start();
    world.fails = ({ method }) => (method === 'PATCH' ? 'forbidden' : undefined);
    for (let i = 0; i < 3; i++) {
      events.ended(failed());
      await clock.advance(1);
    }
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST']);
    expect(lines.filter(({ event }) => event === 'kube-events-cannot-patch')).toHaveLength(1);
    expect(events.dropped()).toEqual({});
  });

  it('holds back the eleventh in a row about one pod, not those about another', async () => {
    const { events, clock, bodies } = start();
    for (let i = 0; i < 12; i++) {
      events.ended(archived(undefined, { archive: `${i}.tar` }));
      await clock.advance(1);
    }
    events.ended(archived(triggerOf(targetOf('b'))));
    await clock.advance(1);
    expect(bodies()).toHaveLength(11);
    expect(events.dropped()).toEqual({ 'rate-limited': 2 });
    await clock.advance(30_000);
    events.ended(archived(undefined, { archive: 'later.tar' }));
    await clock.advance(1);
    expect(bodies()).toHaveLength(12);
  });

  it('tells later how often it was when repeats were held back', async () => {
    const { events, clock, bodies } = start();
    for (let i = 0; i < 20; i++) {
      events.ended(refused('busy'));
      await clock.advance(1);
    }
    expect(bodies().at(-1)).toMatchObject({ count: 10 });
    await clock.advance(30_000);
    events.ended(refused('busy'));
    await clock.advance(1);
    expect(bodies().at(-1)).toMatchObject({ count: 21 });
  });

  it('keeps Events while the API server is away, and joins the repeats', async () => {
    const { events, clock, bodies, world } = start();
    world.fails = () => 'unreachable';
    events.ended(failed());
    events.ended(archived());
    await clock.advance(20_000);
    events.ended(failed());
    world.fails = () => undefined;
    await clock.advance(30_000);
    expect(bodies()).toMatchObject([
      { reason: 'CheckpointFailed', count: 2 },
      { reason: 'CheckpointCreated', count: 1 },
    ]);
    expect(events.dropped()).toEqual({});
  });

  it('gives up an Event that is ten minutes old', async () => {
    const { events, clock, world } = start();
    world.fails = () => 'unreachable';
    events.ended(failed());
    await clock.advance(660_000);
    expect(events.dropped()).toEqual({ unreachable: 1 });
    expect(clock.waiting()).toBe(0);
  });

  it('drops at once what no second try can cure', async () => {
    const { events, clock, lines, world } = start();
    world.fails = () => 'forbidden';
    events.ended(archived());
    await clock.advance(0);
    expect(events.dropped()).toEqual({ forbidden: 1 });
    expect(lines).toMatchObject([
      { event: 'kube-event-dropped', fields: { reason: 'forbidden', pod: 'cart-a' } },
    ]);
  });

  it('lets no more than 200 wait', async () => {
    const { events, world } = start();
    world.gate = new Promise(() => undefined);
    for (let i = 0; i < 201; i++) {
      events.ended(archived(triggerOf(targetOf('a', { podUid: `uid-${i}`, pod: `p-${i}` }))));
    }
    expect(events.dropped()).toEqual({ 'queue-full': 1 });
  });

  it('sends what waits when it is stopped', async () => {
    const { events, bodies } = start();
    events.ended(archived());
    await events.stop();
    expect(bodies()).toHaveLength(1);
    events.ended(failed());
    expect(events.dropped()).toEqual({ stopping: 1 });
  });

  it('waits two seconds for a silent API server when it is stopped', async () => {
    const { events, clock, world } = start();
    world.gate = new Promise(() => undefined);
    events.ended(archived());
    const stopped = events.stop();
    await clock.advance(2_000);
    await stopped;
    expect(events.dropped()).toEqual({ stopping: 1 });
    expect(clock.waiting()).toBe(0);
  });
});
