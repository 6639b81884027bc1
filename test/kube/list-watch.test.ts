import { describe, expect, it } from '@jest/globals';
import { createListWatchRig, podAt } from '../support/list-watch-rig.ts';
import { listOf, startScriptedApiServer, statusOf } from '../support/scripted-api-server.ts';

const GONE = { type: 'ERROR', object: statusOf(410, 'Expired', 'too old resource version: 5 (9)') };

describe('a list', () => {
  it('comes in pages of 500 and then watches from the version of the list', async () => {
    await using rig = await createListWatchRig();
    const first = await rig.server.next('list');
    expect(first.path).toBe('/api/v1/pods');
    expect(Object.fromEntries(first.query)).toEqual({
      fieldSelector: 'spec.nodeName=node-1',
      limit: '500',
    });
    first.reply(200, listOf([podAt('a', '3')], '9', 'token=1'));
    const second = await rig.server.next('list');
    expect(second.query.get('continue')).toBe('token=1');
    second.reply(200, listOf([podAt('b', '4')], '9'));
    const watch = await rig.server.next('watch');
    expect(watch.query.get('resourceVersion')).toBe('9');
    expect(watch.query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(watch.query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(240);
    expect(Number(watch.query.get('timeoutSeconds'))).toBeLessThanOrEqual(360);
    expect(rig.changes.all()).toEqual(['added a@3 firstList', 'added b@4 firstList']);
  });

  it('starts over when it expires between two pages, and repeats nothing', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '3')], '9', 'next'));
    (await rig.server.next('list')).reply(410, statusOf(410, 'Expired', 'continue expired'));
    const again = await rig.server.next('list');
    expect(again.query.get('continue')).toBeNull();
    expect(again.query.get('limit')).toBe('500');
    again.reply(200, listOf([podAt('a', '3')], '12', 'next'));
    (await rig.server.next('list')).reply(410, statusOf(410, 'Expired', 'continue expired'));
    const whole = await rig.server.next('list');
    expect(whole.query.get('limit')).toBeNull();
    whole.reply(200, listOf([podAt('a', '3'), podAt('b', '10')], '12'));
    await rig.server.next('watch');
    expect(rig.changes.all()).toEqual(['added a@3 firstList', 'added b@10 firstList']);
  });

  it('is tried again with back-off when the server fails, and says why meanwhile', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(503, 'upstream is down');
    const state = await rig.passBackOff();
    expect(state.error).toMatchObject({ code: 'unreachable' });
    expect(state.error.message).toContain('503 upstream is down');
    (await rig.server.next('list')).reply(200, listOf([], '1'));
    await rig.server.next('watch');
  });

  it('waits as long as the server asks for', async () => {
    await using rig = await createListWatchRig();
    const busy = statusOf(429, 'TooManyRequests', 'too many requests');
    (await rig.server.next('list')).reply(429, busy, { 'Retry-After': '7' });
    const state = await rig.states.next(({ state }) => state === 'backingOff');
    expect(state).toMatchObject({ untilMs: 7_000 });
  });

  it('refuses an answer that is no list', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, '<html>sign in</html>');
    expect((await rig.passBackOff()).error.code).toBe('bad-input');
    (await rig.server.next('list')).reply(200, { kind: 'List', items: 'none' });
    expect((await rig.passBackOff()).error.code).toBe('bad-input');
  });

  it('is reached when the server starts later than we do', async () => {
    const early = await startScriptedApiServer();
    await early.close();
    await using rig = await createListWatchRig({ server: early });
    const state = await rig.states.next(({ state }) => state === 'backingOff');
    expect(state).toMatchObject({ error: { code: 'unreachable' } });
    const late = await startScriptedApiServer({ port: early.port });
    await rig.clock.advance(1_000);
    (await late.next('list')).reply(200, listOf([], '1'));
    await late.next('watch');
    await rig.watch.stop();
    await late.close();
  });
});

describe('a list after the watch has lost its place', () => {
  it('delivers only what is different: added, modified, deleted', async () => {
    await using rig = await createListWatchRig();
    const old = [podAt('kept', '1'), podAt('grown', '2'), podAt('gone', '3')];
    (await rig.server.next('list')).reply(200, listOf(old, '5'));
    const watch = await rig.server.next('watch');
    watch.open();
    watch.line({ type: 'MODIFIED', object: podAt('kept', '6') });
    await rig.changes.next((change) => change === 'modified kept@6 watch');
    await rig.clock.advance(10_000);
    watch.line(GONE);
    const fresh = [podAt('kept', '6'), podAt('grown', '8'), podAt('born', '7')];
    (await rig.server.next('list')).reply(200, listOf(fresh, '9'));
    expect((await rig.server.next('watch')).query.get('resourceVersion')).toBe('9');
    expect(rig.changes.all().slice(4)).toEqual([
      'modified grown@8 relist',
      'added born@7 relist',
      'deleted gone relist',
    ]);
  });

  it('tells until when nothing was missed', async () => {
    await using rig = await createListWatchRig();
    const startMs = rig.clock.wallMs();
    expect(rig.watch.liveUntilMs()).toBeUndefined();
    (await rig.server.next('list')).reply(200, listOf([], '5'));
    const watch = await rig.server.next('watch');
    expect(rig.watch.liveUntilMs()).toBe(startMs);
    watch.open();
    await rig.states.next(({ state }) => state === 'watching');
    await rig.clock.advance(20_000);
    watch.line({ type: 'ADDED', object: podAt('a', '6') });
    await rig.changes.next();
    await rig.clock.advance(20_000);
    watch.line(GONE);
    await rig.server.next('list');
    expect(rig.watch.liveUntilMs()).toBe(startMs + 20_000);
  });
});

describe('an expired watch', () => {
  it('lists again at a 410 as HTTP status', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '5'));
    (await rig.server.next('watch')).reply(410, statusOf(410, 'Expired', 'too old'));
    await rig.passBackOff();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '9'));
    expect((await rig.server.next('watch')).query.get('resourceVersion')).toBe('9');
    expect(rig.changes.all()).toEqual(['added a@1 firstList']);
  });

  it('lists again at a 410 as ERROR line, and closes a stream left open by the server', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([], '5'));
    const watch = await rig.server.next('watch');
    watch.open();
    watch.line(GONE);
    await watch.gone;
    await rig.passBackOff();
    await rig.server.next('list');
  });

  it('lists again at a 410 as ERROR line after which the server closes', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([], '5'));
    const watch = await rig.server.next('watch');
    watch.open();
    watch.line(GONE);
    watch.end();
    await rig.passBackOff();
    await rig.server.next('list');
  });
});

describe('a relisted first list that had failed half-way', () => {
  it('goes on being the first list', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '5', 'next'));
    // A kept connection that breaks is tried once more by itself.
    (await rig.server.next('list')).reset();
    (await rig.server.next('list')).reset();
    await rig.passBackOff();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1'), podAt('b', '2')], '5'));
    await rig.server.next('watch');
    expect(rig.changes.all()).toEqual(['added a@1 firstList', 'added b@2 firstList']);
  });
});
