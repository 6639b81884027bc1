import { describe, expect, it } from '@jest/globals';
import { createPodsSource } from '../../../src/sources/index.ts';
import { podAt } from '../../support/list-watch-rig.ts';
import { listOf, statusOf } from '../../support/scripted-api-server.ts';
import { createSourceRig } from '../../support/source-rig.ts';

describe('the pods source', () => {
  it('gives the first list as initial and everything after as news', async () => {
    await using rig = await createSourceRig(createPodsSource);
    const list = await rig.server.next('list');
    expect(list.path).toBe('/api/v1/pods');
    expect(list.query.get('fieldSelector')).toBe('spec.nodeName=node-1');
    list.reply(200, listOf([podAt('a', '1')], '5'));
    const watch = await rig.server.next('watch');
    watch.open();
    await rig.clock.advance(1_000);
    watch.line({ type: 'MODIFIED', object: podAt('a', '6') });
    watch.line({ type: 'DELETED', object: podAt('a', '7') });
    await rig.signals.next(({ kind }) => kind === 'podGone');
    const startMs = rig.clock.wallMs() - 1_000;
    expect(rig.signals.all()).toMatchObject([
      { kind: 'podChanged', initial: true, pod: { name: 'a', uid: 'uid-a' }, seenMs: startMs },
      { kind: 'podChanged', initial: false, pod: { name: 'a' }, seenMs: startMs + 1_000 },
      { kind: 'podGone', namespace: 'shop', name: 'a', uid: 'uid-a', seenMs: startMs + 1_000 },
    ]);
  });

  it('names a pod that went away while the watch was broken', async () => {
    await using rig = await createSourceRig(createPodsSource);
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '5'));
    const watch = await rig.server.next('watch');
    watch.open();
    await rig.statuses.next(({ state }) => state === 'live');
    await rig.clock.advance(10_000);
    watch.line({ type: 'ERROR', object: statusOf(410, 'Expired', 'too old') });
    (await rig.server.next('list')).reply(200, listOf([podAt('b', '9')], '9'));
    await rig.server.next('watch');
    expect(rig.signals.all().slice(1)).toMatchObject([
      { kind: 'podChanged', initial: false, pod: { name: 'b' } },
      { kind: 'podGone', name: 'a' },
    ]);
  });

  it('says how it is: starting, degraded with a reason, live, stopped', async () => {
    await using rig = await createSourceRig(createPodsSource);
    const forbidden = statusOf(403, 'Forbidden', 'pods is forbidden');
    (await rig.server.next('list')).reply(403, forbidden);
    await rig.statuses.next(({ state }) => state === 'degraded');
    await rig.clock.advance(500);
    (await rig.server.next('list')).reply(200, listOf([], '5'));
    (await rig.server.next('watch')).open();
    await rig.statuses.next(({ state }) => state === 'live');
    await rig.source.stop();
    expect(rig.statuses.all().map(({ state }) => state)).toEqual([
      'starting',
      'degraded',
      'live',
      'stopped',
    ]);
    expect(rig.statuses.all()[1]).toMatchObject({
      reason: expect.stringMatching(/403 pods is forbidden \(forbidden\)\. .*verbs: \["list"\]/),
    });
  });

  it('counts a pod that cannot be named and goes on', async () => {
    await using rig = await createSourceRig(createPodsSource);
    const nameless = { metadata: { uid: 'u', resourceVersion: '2' } };
    (await rig.server.next('list')).reply(200, listOf([nameless, podAt('a', '1')], '5'));
    await rig.signals.next(({ kind }) => kind === 'podChanged');
    expect(rig.source.dropped()).toEqual({ 'unreadable-pod': 1 });
    expect(rig.signals.all()).toHaveLength(1);
  });

  it('can be stopped before it was started', async () => {
    await using rig = await createSourceRig((inputs) => {
      const idle = createPodsSource(inputs);
      return { ...idle, start: async () => undefined };
    });
    await rig.source.stop();
    expect(rig.source.status()).toEqual({ state: 'stopped' });
  });
});
