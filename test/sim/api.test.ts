import { describe, expect, it } from '@jest/globals';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import { type KubeObject, type ListWatchState, startListWatch } from '../../src/kube/index.ts';
import { CART, CART_APP, type Rig, useSims } from './rig.ts';

interface List {
  metadata: { resourceVersion: string; continue?: string };
  items: { metadata: { name: string } }[];
}

const selector = `fieldSelector=${encodeURIComponent('spec.nodeName=sim-node')}`;

/** Opens a watch and hands out its lines as objects. */
async function openWatch(rig: Rig, query: string, resource = 'pods') {
  const stop = new AbortController();
  const path = `/api/v1/${resource}?watch=true&${query}`;
  const lines = await rig.api.lines({ method: 'GET', path }, stop.signal);
  const iterator = lines[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { value, done } = await iterator.next();
      return done ? undefined : (JSON.parse(value) as { type: string; object: KubeObject });
    },
    stop: () => stop.abort(),
  };
}

describe('the simulated API server', () => {
  const startSim = useSims();

  it('lists in pages, one consistent version over all of them', async () => {
    const rig = await startSim();
    for (const name of ['a', 'b', 'c']) rig.sim.scenario.addPod({ ...CART, name });
    const list = (more = '') =>
      rig.api.json<List>({ method: 'GET', path: `/api/v1/pods?${selector}&limit=2${more}` });
    const first = await list();
    rig.sim.scenario.addPod({ ...CART, name: 'd' });
    const second = await list(`&continue=${first.metadata.continue}`);
    const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.continue).toBeUndefined();
  });

  it('answers 410 to a page of a list that it has forgotten', async () => {
    const rig = await startSim();
    for (const name of ['a', 'b']) rig.sim.scenario.addPod({ ...CART, name });
    const first = await rig.api.json<List>({ method: 'GET', path: '/api/v1/pods?limit=1' });
    rig.sim.compact();
    const path = `/api/v1/pods?limit=1&continue=${first.metadata.continue}`;
    await expect(rig.api.json({ method: 'GET', path })).rejects.toMatchObject({ code: 'expired' });
  });

  it('watches from a version on: what came before it is not told again', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod({ ...CART, name: 'old' });
    const watch = await openWatch(rig, `${selector}&resourceVersion=${rig.sim.store.version}`);
    rig.sim.scenario.addPod({ ...CART, name: 'new' });
    const line = await watch.next();
    expect(line).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'new' } } });
    watch.stop();
  });

  it('shows a watch only what its field selector fits', async () => {
    const rig = await startSim();
    const version = rig.sim.store.version;
    const query = `fieldSelector=${encodeURIComponent('involvedObject.kind=Node')}&resourceVersion=${version}`;
    const watch = await openWatch(rig, query, 'events');
    rig.sim.scenario.addPod(CART);
    const pods = await rig.api.json<List>({
      method: 'GET',
      path: `/api/v1/events?fieldSelector=${encodeURIComponent('involvedObject.kind=Pod')}`,
    });
    rig.sim.watches.closeWatches();
    expect(pods.items.length).toBeGreaterThan(0);
    expect(await watch.next()).toBeUndefined();
  });

  it('refuses a field that a real server cannot select on', async () => {
    const rig = await startSim();
    const path = '/api/v1/events?fieldSelector=source.host%3Dsim-node';
    const reply = rig.api.json({ method: 'GET', path });
    await expect(reply).rejects.toThrow('field label not supported: source.host');
  });

  it.each(['status', 'event'] as const)(
    'says 410 as a %s to a version of too long ago',
    async (as) => {
      const rig = await startSim();
      rig.sim.scenario.addPod(CART);
      rig.sim.compact();
      rig.sim.watches.goneAs = as;
      if (as === 'status') {
        const opening = openWatch(rig, 'resourceVersion=1');
        await expect(opening).rejects.toMatchObject({ code: 'expired' });
      } else {
        const watch = await openWatch(rig, 'resourceVersion=1');
        expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
      }
    },
  );

  it('sends bookmarks to those who allow them', async () => {
    const rig = await startSim({ bookmarkMs: 1_000 });
    const from = `resourceVersion=${rig.sim.store.version}`;
    const watch = await openWatch(rig, `${from}&allowWatchBookmarks=true`);
    await rig.clock.advance(1_000);
    const line = await watch.next();
    const metadata = { resourceVersion: String(rig.sim.store.version) };
    expect(line).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Pod', metadata } });
    watch.stop();
  });

  it('ends a watch after its timeoutSeconds', async () => {
    const rig = await startSim();
    const watch = await openWatch(rig, `resourceVersion=${rig.sim.store.version}&timeoutSeconds=5`);
    await rig.clock.advance(5_000);
    expect(await watch.next()).toBeUndefined();
  });

  it('can say nothing more on a watch that stays open', async () => {
    const rig = await startSim({ bookmarkMs: 1_000 });
    const from = `resourceVersion=${rig.sim.store.version}`;
    const watch = await openWatch(rig, `${from}&allowWatchBookmarks=true&timeoutSeconds=60`);
    rig.sim.watches.stallWatches();
    rig.sim.scenario.addPod(CART);
    await rig.clock.advance(59_000);
    expect(rig.sim.watches.openWatches).toBe(1);
    await rig.clock.advance(1_000);
    expect(await watch.next()).toBeUndefined();
  });

  it('can put an error, or no JSON at all, into the middle of a watch', async () => {
    const rig = await startSim();
    const path = `/api/v1/pods?watch=true&resourceVersion=${rig.sim.store.version}`;
    const stop = new AbortController();
    const lines = await rig.api.lines({ method: 'GET', path }, stop.signal);
    rig.sim.watches.breakWatches(410, 'too old');
    rig.sim.watches.sendRaw('{"type":\n');
    const seen: string[] = [];
    for await (const line of lines) {
      seen.push(line);
      if (seen.length === 2) rig.sim.watches.closeWatches();
    }
    expect(seen).toEqual([expect.stringContaining('"code":410'), '{"type":']);
  });

  it('answers 400 to a path that cannot be decoded, and goes on', async () => {
    const rig = await startSim();
    const path = '/api/v1/namespaces/%zz/pods';
    await expect(rig.api.json({ method: 'GET', path })).rejects.toMatchObject({
      code: 'bad-input',
    });
    await rig.api.json({ method: 'GET', path: '/api/v1/pods' });
  });

  it('is the same after an outage: same address, same objects, watches resume', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const version = rig.sim.store.version;
    const { url } = rig.sim.api;
    await rig.sim.api.stop();
    const list = { method: 'GET', path: '/api/v1/pods' } as const;
    await expect(rig.api.json(list)).rejects.toMatchObject({ code: 'unreachable' });
    rig.sim.scenario.emitEvent(CART_APP, { type: 'Warning', reason: 'Odd', message: 'while away' });
    await rig.sim.api.start();
    expect(rig.sim.api.url).toBe(url);
    const watch = await openWatch(rig, `resourceVersion=${version}`, 'events');
    expect(await watch.next()).toMatchObject({ object: { reason: 'Odd' } });
    watch.stop();
  });

  it.each([401, 403, 429, 500, 503])(
    'answers %d where a test wants it, and only there',
    async (status) => {
      const rig = await startSim();
      const takeBack = rig.sim.api.inject({ status, path: '/api/v1/pods' });
      const list = { method: 'GET', path: '/api/v1/pods' } as const;
      await expect(rig.api.json(list)).rejects.toThrow(String(status));
      await rig.api.json({ method: 'GET', path: '/api/v1/events' });
      takeBack();
      await rig.api.json(list);
    },
  );

  it('names the right that is missing', async () => {
    const rig = await startSim();
    const may = ({ verb }: { verb: string }) => verb !== 'list';
    rig.sim.identities.remove(rig.sim.info.token);
    rig.sim.identities.add({ user: 'system:serviceaccount:x:y', token: rig.sim.info.token, may });
    const reply = rig.api.json({ method: 'GET', path: '/api/v1/pods' });
    await expect(reply).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('takes an Event, shows it to watches, and patches its count', async () => {
    const rig = await startSim();
    const watch = await openWatch(rig, `resourceVersion=${rig.sim.store.version}`, 'events');
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'cart.1', namespace: 'shop' },
      involvedObject: { kind: 'Pod', name: 'cart', namespace: 'shop' },
      reason: 'CheckpointCreated',
      message: 'ours',
      count: 1,
    };
    const path = '/api/v1/namespaces/shop/events';
    await rig.api.json({ method: 'POST', path, body });
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { count: 1 } });
    await rig.api.json({ method: 'PATCH', path: `${path}/cart.1`, body: { count: 2 } });
    const patched = { count: 2, reason: 'CheckpointCreated' };
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: patched });
    const again = rig.api.json({ method: 'POST', path, body });
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
    watch.stop();
  });

  it('serves the agent its owner objects and its node', async () => {
    const rig = await startSim();
    const owner = { kind: 'Deployment', name: 'cart' } as const;
    rig.sim.scenario.addPod({ ...CART, owner });
    const path = '/apis/apps/v1/namespaces/shop/replicasets/cart-5d4f8c7b9';
    const replicaSet = await rig.api.json<KubeObject>({ method: 'GET', path });
    expect(replicaSet.metadata).toMatchObject({
      ownerReferences: [{ ...owner, controller: true }],
    });
    const node = await rig.api.json({ method: 'GET', path: '/api/v1/nodes/sim-node' });
    const nodeInfo = { osImage: expect.stringContaining('(simulated)') };
    expect(node).toMatchObject({ status: { nodeInfo } });
  });
});

describe('our list and watch against the simulated API server', () => {
  const startSim = useSims();

  it('sees an object that came while its watch was torn', async () => {
    const rig = await startSim();
    const seen: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const listWatch = startListWatch({
      api: rig.api,
      path: '/api/v1/pods',
      query: { fieldSelector: 'spec.nodeName=sim-node' },
      clock: systemClock,
      random: createRandom(1),
      log: silentLogger,
      remember: () => ({}),
      onChange: (change) => {
        if (change.type !== 'added') return;
        seen.push(change.object.metadata.name ?? '');
        arrived.resolve();
      },
      onState: (_state: ListWatchState) => undefined,
    });
    await rig.sim.happenings.first('watch-opened');
    rig.sim.watches.closeWatches('reset');
    rig.sim.scenario.addPod(CART);
    await arrived.promise;
    await listWatch.stop();
    expect(seen).toEqual(['cart']);
  });
});
