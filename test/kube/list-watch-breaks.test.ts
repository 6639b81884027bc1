import { describe, expect, it } from '@jest/globals';
import {
  bookmarkAt,
  createListWatchRig,
  type ListWatchRig,
  podAt,
  type RigOptions,
} from '../support/list-watch-rig.ts';
import { type Exchange, listOf, statusOf } from '../support/scripted-api-server.ts';

/** A rig whose list held one pod, with the watch open from version 5. */
async function watching(options?: RigOptions): Promise<{ rig: ListWatchRig; watch: Exchange }> {
  const rig = await createListWatchRig(options);
  (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '5'));
  const watch = await rig.server.next('watch');
  watch.open();
  await rig.states.next(({ state }) => state === 'watching');
  return { rig, watch };
}

async function versionOfNextWatch(rig: ListWatchRig): Promise<string | null> {
  return (await rig.server.next('watch')).query.get('resourceVersion');
}

describe('a watch that ends', () => {
  it('resumes at once where it was when the server ends it in good order', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    await rig.changes.next((change) => change === 'added b@6 watch');
    await rig.clock.advance(60_000);
    watch.end();
    expect(await versionOfNextWatch(rig)).toBe('6');
    expect(rig.states.all().map(({ state }) => state)).not.toContain('backingOff');
  });

  it('resumes from a bookmark that came after the last change', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    watch.line(bookmarkAt('77'));
    watch.line({ type: 'DELETED', object: podAt('a', '78') });
    watch.line(bookmarkAt('90'));
    await rig.changes.next((change) => change === 'deleted a watch');
    await rig.clock.advance(60_000);
    watch.end();
    expect(await versionOfNextWatch(rig)).toBe('90');
  });

  it('resumes from the last version after a TCP reset and repeats nothing', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line({ type: 'MODIFIED', object: podAt('a', '6') });
    await rig.changes.next((change) => change === 'modified a@6 watch');
    await rig.clock.advance(60_000);
    watch.reset();
    const again = await rig.server.next('watch');
    expect(again.query.get('resourceVersion')).toBe('6');
    again.open();
    again.line({ type: 'MODIFIED', object: podAt('a', '6') });
    again.line({ type: 'ADDED', object: podAt('b', '7') });
    await rig.changes.next((change) => change === 'added b@7 watch');
    expect(rig.changes.all()).toEqual([
      'added a@1 firstList',
      'modified a@6 watch',
      'added b@7 watch',
    ]);
  });

  it('backs off longer and longer, up to 30 s, when the server closes at once', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const beforeMs = rig.clock.monotonicMs();
      const { untilMs } = await rig.passBackOff();
      waits.push(untilMs - beforeMs);
      const next = await rig.server.next('watch');
      next.open();
      next.end();
    }
    expect(waits[0]).toBeGreaterThanOrEqual(250);
    expect(waits[0]).toBeLessThanOrEqual(500);
    expect(waits[3]).toBeGreaterThanOrEqual(2_000);
    expect(waits[8]).toBeGreaterThanOrEqual(15_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  });

  it('begins again with the short back-off after a watch that was healthy', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    for (let i = 0; i < 5; i++) {
      await rig.passBackOff();
      const next = await rig.server.next('watch');
      next.open();
      if (i < 4) next.end();
      else {
        await rig.clock.advance(10_000);
        next.reset();
      }
    }
    (await rig.server.next('watch')).reply(500, 'broken');
    const beforeMs = rig.clock.monotonicMs();
    expect((await rig.passBackOff()).untilMs - beforeMs).toBeLessThanOrEqual(500);
  });
});

describe('a server that forgot the place while it was away', () => {
  it('is listed at once: the outage has taken long enough', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    for (let i = 0; i < 6; i++) {
      await rig.passBackOff();
      if (i < 5) (await rig.server.next('watch')).reply(503, 'away');
    }
    (await rig.server.next('watch')).reply(410, statusOf(410, 'Expired', 'too old'));
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '9'));
    expect(await versionOfNextWatch(rig)).toBe('9');
  });
});

describe('a watch that fails', () => {
  it('backs off and resumes after an ERROR line other than 410', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    watch.line({ type: 'ERROR', object: statusOf(500, 'InternalError', 'etcd is sad') });
    const { error } = await rig.passBackOff();
    expect(error.message).toContain('etcd is sad');
    expect(await versionOfNextWatch(rig)).toBe('6');
  });

  it('backs off and resumes after a 500 as HTTP status', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    await rig.passBackOff();
    (await rig.server.next('watch')).reply(500, 'broken');
    expect((await rig.passBackOff()).error).toMatchObject({
      code: 'unreachable',
      details: { status: 500 },
    });
    expect(await versionOfNextWatch(rig)).toBe('5');
  });

  it('reads its token again after a 401 and goes on', async () => {
    const { rig, watch } = await watching({ token: (fresh) => (fresh ? 'new' : 'old') });
    await using _ = rig;
    await rig.clock.advance(60_000);
    watch.end();
    const refused = await rig.server.next('watch');
    expect(refused.headers.authorization).toBe('Bearer old');
    refused.reply(401, statusOf(401, 'Unauthorized', 'Unauthorized'));
    const again = await rig.server.next('watch');
    expect(again.headers.authorization).toBe('Bearer new');
    again.open();
    again.line({ type: 'ADDED', object: podAt('b', '6') });
    await rig.changes.next((change) => change === 'added b@6 watch');
    expect(rig.states.all().map(({ state }) => state)).not.toContain('backingOff');
  });

  it('says unauthorized and goes on trying when a fresh token does not help', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    await rig.passBackOff();
    for (let i = 0; i < 2; i++) (await rig.server.next('watch')).reply(401, 'Unauthorized');
    expect((await rig.passBackOff()).error.code).toBe('unauthorized');
    await rig.server.next('watch');
  });

  it('names the missing right after a 403 and goes on trying', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.end();
    await rig.passBackOff();
    const forbidden = statusOf(403, 'Forbidden', 'pods is forbidden: User "x" cannot watch');
    (await rig.server.next('watch')).reply(403, forbidden);
    const { error } = await rig.passBackOff();
    expect(error.code).toBe('forbidden');
    expect(error.hint).toContain('apiGroups: [""], resources: ["pods"], verbs: ["watch"]');
    (await rig.server.next('watch')).open();
    await rig.states.next(({ state }) => state === 'watching');
  });
});

describe('a watch that says nothing', () => {
  it('is taken for dead after 90 s and resumed from its last version', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    await rig.changes.next((change) => change === 'added b@6 watch');
    await rig.clock.advance(89_000);
    expect(rig.server.waiting()).toEqual([]);
    await rig.clock.advance(6_000);
    await watch.gone;
    expect(await versionOfNextWatch(rig)).toBe('6');
  });

  it('stays as long as bookmarks come', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    for (let i = 0; i < 5; i++) {
      await rig.clock.advance(60_000);
      watch.line(bookmarkAt(`${10 + i}`));
      watch.line({ type: 'ADDED', object: podAt(`p${i}`, `${10 + i}`) });
      await rig.changes.next((change) => change.startsWith(`added p${i}@`));
    }
    expect(rig.server.waiting()).toEqual([]);
  });

  it('is given up after 15 s when not even its status line comes', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(200, listOf([], '5'));
    const mute = await rig.server.next('watch');
    await rig.clock.advance(15_000);
    await mute.gone;
    expect((await rig.passBackOff()).error.code).toBe('unreachable');
    await rig.server.next('watch');
  });
});

describe('a line that cannot be used', () => {
  it('is asked for again, and at the second time passed by with a list', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    watch.line('{"type":"ADDED","object":{"meta\n');
    expect((await rig.passBackOff()).error.code).toBe('bad-input');
    const again = await rig.server.next('watch');
    expect(again.query.get('resourceVersion')).toBe('5');
    again.open();
    again.line({ type: 'ADDED', object: { metadata: { name: 'no-uid' } } });
    expect((await rig.passBackOff()).error.message).toContain('without uid');
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '8'));
    expect(await versionOfNextWatch(rig)).toBe('8');
    expect(rig.changes.all()).toEqual(['added a@1 firstList']);
  });

  it('is not read beyond 8 MiB', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    const part = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 9; i++) watch.line(part);
    expect((await rig.passBackOff()).error.code).toBe('too-large');
    await watch.gone;
    expect(await versionOfNextWatch(rig)).toBe('5');
  });

  it('is whole when the network cuts it inside a character', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    const line = `${JSON.stringify({ type: 'ADDED', object: podAt('bär', '6') })}\n`;
    for (const byte of Buffer.from(line)) watch.bytes(Buffer.from([byte]));
    await rig.changes.next((change) => change === 'added bär@6 watch');
  });
});

describe('the loop', () => {
  it('uses few connections for many watches', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    let current = watch;
    for (let i = 0; i < 20; i++) {
      await rig.clock.advance(10_000);
      current.end();
      current = await rig.server.next('watch');
      current.open();
      await rig.states.next(({ state }) => state === 'watching');
    }
    expect(rig.server.connections()).toBeLessThanOrEqual(2);
  });

  it('survives a listener that throws, and does not give it the same change again', async () => {
    let isAngry = true;
    const { rig, watch } = await watching({
      onChange(change) {
        if (change.type === 'added' && change.object.metadata.name === 'b' && isAngry) {
          isAngry = false;
          throw new Error('no room');
        }
      },
    });
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    expect((await rig.passBackOff()).error).toMatchObject({ code: 'internal' });
    const again = await rig.server.next('watch');
    expect(again.query.get('resourceVersion')).toBe('6');
    again.open();
    again.line({ type: 'MODIFIED', object: podAt('b', '7') });
    await rig.changes.next((change) => change === 'modified b@7 watch');
  });

  it('forgets the longest unchanged object beyond its bound', async () => {
    const { rig, watch } = await watching({ knownMax: 2 });
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('b', '6') });
    watch.line({ type: 'MODIFIED', object: podAt('a', '7') });
    watch.line({ type: 'ADDED', object: podAt('c', '8') });
    watch.line({ type: 'DELETED', object: podAt('b', '9') });
    watch.line({ type: 'DELETED', object: podAt('a', '10') });
    await rig.changes.next((change) => change === 'deleted a watch');
    expect(rig.changes.all()).not.toContain('deleted b watch');
  });

  it('neither keeps nor delivers what is not accepted', async () => {
    const { rig, watch } = await watching({ accepts: ({ metadata }) => metadata.name !== 'other' });
    await using _ = rig;
    watch.line({ type: 'ADDED', object: podAt('other', '6') });
    watch.line({ type: 'DELETED', object: podAt('other', '7') });
    watch.line({ type: 'ADDED', object: podAt('b', '8') });
    await rig.changes.next((change) => change === 'added b@8 watch');
    expect(rig.changes.all()).toEqual(['added a@1 firstList', 'added b@8 watch']);
  });

  it('stops in the middle of a watch and leaves no timer and no stream', async () => {
    const { rig, watch } = await watching();
    await using _ = rig;
    await rig.watch.stop();
    await watch.gone;
    expect(rig.watch.state()).toEqual({ state: 'stopped' });
    expect(rig.clock.waiting()).toBe(0);
  });

  it('stops when it is told so by a listener of its own list', async () => {
    let stop = (): Promise<void> | undefined => undefined;
    await using rig = await createListWatchRig({ onChange: () => void stop() });
    stop = () => rig.watch.stop();
    (await rig.server.next('list')).reply(200, listOf([podAt('a', '1')], '5'));
    await rig.states.next(({ state }) => state === 'stopped');
    expect(rig.clock.waiting()).toBe(0);
  });

  it('stops in the middle of a list and of a back-off', async () => {
    await using rig = await createListWatchRig();
    (await rig.server.next('list')).reply(500, 'broken');
    await rig.states.next(({ state }) => state === 'backingOff');
    await rig.watch.stop();
    await using other = await createListWatchRig();
    const list = await other.server.next('list');
    await other.watch.stop();
    await list.gone;
    expect([rig.clock.waiting(), other.clock.waiting()]).toEqual([0, 0]);
  });
});
