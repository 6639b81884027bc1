import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import type { CheckpointReply } from '../../src/capture/index.ts';
import { createDumpRig, type DumpRig } from '../support/dump-rig.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const race = { sequence: 'race', consistency: 'frozen' } as const;

let rig: DumpRig;

beforeEach(() => {
  rig = createDumpRig(tempDir());
});

async function failed(reply: Promise<CheckpointReply>): Promise<CheckpointReply> {
  const given = await reply;
  expect(given).toMatchObject({ kind: 'failed' });
  return given;
}

describe('a runtime that hangs while the container is frozen by us', () => {
  let begun: Promise<void>;

  beforeEach(() => {
    const { promise, resolve } = Promise.withResolvers<void>();
    begun = promise;
    rig.container.onCheckpoint = (_, signal) =>
      new Promise((_resolve, reject) => {
        resolve();
        const cut = () => reject(new StillpointError({ code: 'cancelled', message: 'given up' }));
        signal.addEventListener('abort', cut);
      });
  });

  it('and works on it no more is given up after 2 s, and the container runs', async () => {
    const replied = rig.dump(race);
    await begun;
    await rig.clock.advance(1_950);
    expect(rig.container.freezer).toBe('frozen');
    await rig.clock.advance(50);
    expect(rig.container.freezer).toBe('thawed');
    expect(await failed(replied)).toMatchObject({
      failure: 'unreachable',
      message: 'nobody worked on the frozen container for 2000 ms: the runtime hangs',
      mayFinishLater: true,
      held: { frozenBy: 'freezer' },
    });
  });

  it('is let be while CRIU is at work, and given 2 s from its end', async () => {
    const replied = rig.dump(race);
    await begun;
    rig.container.traced = true;
    await rig.clock.advance(30_000);
    expect(rig.container.freezer).toBe('frozen');
    rig.container.traced = false;
    await rig.clock.advance(2_000);
    expect(rig.container.freezer).toBe('thawed');
    await failed(replied);
  });

  it('is given up sooner once the allowed stop is over', async () => {
    const replied = rig.dump({ ...race, freezeMsMax: 800 });
    await begun;
    await rig.clock.advance(800);
    expect(rig.container.freezer).toBe('thawed');
    await failed(replied);
  });

  it('is not waited for by our Resume either', async () => {
    rig.container.node.cgroups.setFreezer = () => {
      throw new StillpointError({ code: 'not-writable', message: 'read-only' });
    };
    rig.container.runtime.resumeTask = () => new Promise(() => undefined);
    const replied = rig.dump(race);
    await begun;
    await rig.clock.advance(2_250);
    expect(await failed(replied)).toMatchObject({ held: { frozenBy: 'task' } });
  });
});

describe('a CRIU that was killed and left its helper, for which the runtime waits', () => {
  let begun: Promise<void>;

  beforeEach(() => {
    const { promise, resolve } = Promise.withResolvers<void>();
    begun = promise;
    rig.container.onCheckpoint = (_, signal) =>
      new Promise((_resolve, reject) => {
        resolve();
        const cut = () => reject(new StillpointError({ code: 'cancelled', message: 'given up' }));
        signal.addEventListener('abort', cut);
      });
  });

  it('while the freeze was its own holds nobody for longer than 2 s', async () => {
    const replied = rig.dump();
    await begun;
    rig.container.freezer = 'frozen';
    await rig.clock.advance(2_000);
    expect(await failed(replied)).toMatchObject({
      failure: 'unreachable',
      message: 'nobody worked on the frozen container for 2000 ms: the runtime hangs',
      mayFinishLater: true,
    });
  });

  it('is waited for while the container runs, or is held by a tracer', async () => {
    const stop = new AbortController();
    const replied = rig.dump({}, stop.signal);
    let ended = false;
    void replied.then(() => {
      ended = true;
    });
    await begun;
    await rig.clock.advance(10_000);
    rig.container.freezer = 'frozen';
    rig.container.traced = true;
    await rig.clock.advance(10_000);
    expect(ended).toBe(false);
    stop.abort();
    expect(await failed(replied)).toMatchObject({ failure: 'cancelled' });
  });
});
