import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import {
  askGuard,
  askRuntime,
  type GuardQuestion,
  type GuardSources,
} from '../../src/capture/guard-ask.ts';
import type { Backend } from '../../src/capture/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  createFakeContainerState,
  type FakeContainerState,
} from '../support/fake-container-state.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const target = targetOf('a');
const prefix = 'checkpoint-cart-a_shop-app-';

let clock: FakeClock;
let container: FakeContainerState;
let directory: string;

beforeEach(() => {
  clock = createFakeClock();
  container = createFakeContainerState();
  directory = tempDir();
});

async function ask(
  change: Partial<GuardSources> = {},
  { hurry = false, ...question }: Partial<GuardQuestion> & { hurry?: boolean } = {},
) {
  const { runtime, node } = container;
  const sources: GuardSources = {
    clock,
    runtime,
    node,
    podOf: () => undefined,
    denyReason: () => undefined,
    places: { checkpointsDirectory: directory },
    evictionHard: () => ({ 'nodefs.available': '10%' }),
    diskSpace: (path) => ({ path, device: 1, totalBytes: 1_000e6, availableBytes: 900e6 }),
    ...change,
  };
  return askGuard(sources, {
    target,
    spec: fireOn(target).capture,
    backend: backendOf(true),
    archivePath: join(directory, `${prefix}2026-01-01T00:00:00.000Z.tar`),
    costs: { bytesPerSecond: 1e6, layerBytesPerSecond: 10e6, fixedMs: 0, learnt: false },
    seen: await askRuntime(sources, target.containerId, hurry),
    ...question,
  });
}

function backendOf(choosesPath: boolean): Backend {
  return {
    name: choosesPath ? 'cri' : 'kubelet',
    choosesPath,
    costs: { bytesPerSecond: 1e6, layerBytesPerSecond: 10e6, fixedMs: 0 },
    availability: () => Promise.reject(new Error('not asked')),
    checkpoint: () => Promise.reject(new Error('not asked')),
  };
}

describe('the facts of the guard', () => {
  it('come from runtime, cgroup, disk and directory', async () => {
    container.runtime.writableLayerBytes = () => Promise.resolve(5e6);
    const { facts, cgroup } = await ask();
    expect(cgroup).toBe(container.cgroup);
    expect(facts).toMatchObject({
      container: { kind: 'seen', state: 'running' },
      freezer: 'thawed',
      task: 'running',
      tracer: undefined,
      size: { imageBytes: 10e6, layerBytes: 5e6, from: 'cgroup' },
      disks: [{ needBytes: 45e6, availableBytes: 900e6, floorBytes: 150e6 }],
      archive: { directory, collidesWith: undefined },
    });
  });

  it('have the writable layer in a hurry too, when the answer is quick', async () => {
    container.runtime.writableLayerBytes = async () => 7e6;
    expect((await ask({}, { hurry: true })).facts.size?.layerBytes).toBe(7e6);
  });

  it('leave out the writable layer when the container may die before the answer', async () => {
    container.runtime.writableLayerBytes = () => new Promise(() => undefined);
    const clock = createFakeClock();
    const asked = ask({ clock }, { hurry: true });
    await clock.advance(30);
    expect((await asked).facts.size?.layerBytes).toBe(0);
  });

  it('name the tracer', async () => {
    container.traced = true;
    expect((await ask()).facts.tracer).toEqual({ pid: 4242, tracedBy: 77 });
  });

  it('take the memory limit as size where no cgroup can be seen', async () => {
    const status = container.runtime.status;
    container.runtime.status = async (id) => ({ ...(await status(id)), memoryLimitBytes: 64e6 });
    const { facts, cgroup } = await ask({ node: undefined });
    expect(cgroup).toBeUndefined();
    expect(facts.size).toEqual({ imageBytes: 64e6, layerBytes: 0, from: 'limit' });
    expect([facts.freezer, facts.tracer]).toEqual([undefined, undefined]);
  });

  it('tell a container that is gone from a runtime that is away and from none at all', async () => {
    container.task = 'gone';
    expect((await ask()).facts.container).toEqual({ kind: 'gone' });
    container.task = 'unreachable';
    expect((await ask()).facts.container.kind).toBe('unreachable');
    expect((await ask({ runtime: undefined })).facts.container.kind).toBe('not-asked');
  });

  it('count places that cannot be seen to the disk of the checkpoints directory', async () => {
    const diskSpace: GuardSources['diskSpace'] = (path) => {
      if (path !== directory) throw new StillpointError({ code: 'not-found', message: path });
      return { path, device: 1, totalBytes: 1_000e6, availableBytes: 900e6 };
    };
    const places = { checkpointsDirectory: directory, runtimeRoot: '/nowhere' };
    expect((await ask({ diskSpace, places })).facts.disks).toMatchObject([
      { path: directory, needBytes: 30e6 },
    ]);
  });

  it('name a file that lies where ours would go', async () => {
    const name = `${prefix}2026-01-01T00:00:00.000Z.tar`;
    writeFileSync(join(directory, name), '');
    expect((await ask()).facts.archive.collidesWith).toBe(name);
  });

  it('name a directory that is not there', async () => {
    const archivePath = join(directory, 'none', 'x.tar');
    expect((await ask({}, { archivePath })).facts.archive.notWritable).toBe('ENOENT');
  });

  it('tells why the directory is not ours to write in, though its mode allows it', async () => {
    const directoryProblem = () => 'another agent works on it';
    const { archive } = (await ask({ directoryProblem })).facts;
    expect(archive.notWritable).toBe('another agent works on it');
  });
});

describe('a name that the kubelet would choose', () => {
  const kubelet = { backend: backendOf(false) };

  it('collides with an archive of the same container and second', async () => {
    clock.setWall(Date.UTC(2026, 0, 1, 12, 0, 0, 400));
    const name = `${prefix}2026-01-01T13:00:00+01:00.tar`;
    writeFileSync(join(directory, name), '');
    expect((await ask({}, kubelet)).facts.archive.collidesWith).toBe(name);
    clock.setWall(Date.UTC(2026, 0, 1, 12, 0, 1));
    expect((await ask({}, kubelet)).facts.archive.collidesWith).toBeUndefined();
  });

  it('is not looked for in a directory that did not change in this second', async () => {
    clock.setWall(Date.UTC(2026, 0, 1, 12, 0, 0, 400));
    writeFileSync(join(directory, `${prefix}2026-01-01T12:00:00Z.tar`), '');
    const before = new Date(Date.UTC(2026, 0, 1, 11, 59, 59));
    utimesSync(directory, before, before);
    expect((await ask({}, kubelet)).facts.archive.collidesWith).toBeUndefined();
  });

  it('is counted with the longest time zone', async () => {
    const { nameBytes } = (await ask({}, kubelet)).facts.archive;
    expect(nameBytes).toBe(`${prefix}2026-01-01T13:00:00+01:00.tar`.length);
  });
});
