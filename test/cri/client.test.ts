import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { createRuntimeClient, type RuntimeClient } from '../../src/cri/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import {
  createFakeRuntime,
  type FakeRuntime,
  FakeRuntimeError,
  fakeContainer,
} from '../support/fake-runtime.ts';

let folder: string;
let fake: FakeRuntime;
let client: RuntimeClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillpoint-cri-'));
  fake = createFakeRuntime(join(folder, 'runtime.sock'));
  client = createRuntimeClient({ socket: fake.socket, clock: systemClock, log: silentLogger });
  await fake.start();
});

afterEach(() => {
  client.close();
  fake.kill();
  rmSync(folder, { recursive: true });
});

const app = fakeContainer('app', {
  attempt: 4,
  pid: 4242,
  cgroupsPath: '/kubepods/burstable/pod1/app',
  memoryLimitBytes: 268_435_456,
  layerBytes: 0,
});

describe('questions to the runtime', () => {
  it('tells name and version', async () => {
    expect(await client.version()).toEqual({ name: 'containerd', version: 'v2.4.2' });
  });

  it('gives a container with its pod, pid, cgroup path, limit and start', async () => {
    fake.containers.set(app.id, app);
    const status = await client.status(app.id);
    expect(status).toMatchObject({
      id: app.id,
      name: 'app',
      attempt: 4,
      namespace: 'shop',
      pod: 'cart-7d9f',
      state: 'running',
      pid: 4242,
      cgroupsPath: '/kubepods/burstable/pod1/app',
      memoryLimitBytes: 268_435_456,
    });
    expect(Math.round(status.startedAtMs)).toBe(Date.UTC(2026, 0, 1));
  });

  it('leaves out pid, path and limit that the runtime does not tell', async () => {
    fake.containers.set(app.id, { ...app, pid: undefined, cgroupsPath: '', memoryLimitBytes: 0 });
    const status = await client.status(app.id);
    expect([status.pid, status.cgroupsPath, status.memoryLimitBytes]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('lists running containers only, also when the runtime ignores the filter', async () => {
    const dead = fakeContainer('dead', { state: 'CONTAINER_EXITED' });
    fake.containers.set(app.id, app).set(dead.id, dead);
    expect((await client.listRunning()).map((container) => container.name)).toEqual(['app']);
  });

  it('tells an empty writable layer from an unknown one', async () => {
    const other = fakeContainer('other');
    fake.containers.set(app.id, app).set(other.id, other);
    expect(await client.writableLayerBytes(app.id)).toBe(0);
    expect(await client.writableLayerBytes(other.id)).toBeUndefined();
  });

  it('says not-found for an unknown container, with the words of the runtime', async () => {
    await expect(client.status('ab')).rejects.toMatchObject({
      code: 'not-found',
      details: { grpcCode: 5, grpcText: expect.stringContaining('"ab": not found') },
    });
  });
});

describe('tasks', () => {
  it('sees and resumes a paused task of containerd', async () => {
    fake.containers.set(app.id, { ...app, task: 'PAUSED' });
    expect(await client.taskState(app.id)).toBe('paused');
    await client.resumeTask(app.id);
    expect(await client.taskState(app.id)).toBe('running');
    await expect(client.resumeTask(app.id)).rejects.toMatchObject({ code: 'runtime-failed' });
  });

  it('are unsupported on another runtime, which is asked for its name once', async () => {
    fake.name = 'cri-o';
    await expect(client.taskState(app.id)).rejects.toMatchObject({ code: 'unsupported' });
    await expect(client.resumeTask(app.id)).rejects.toMatchObject({ code: 'unsupported' });
    expect(fake.calls).toEqual(['Version']);
  });
});

describe('checkpoint', () => {
  const request = { containerId: app.id, location: '/x.tar', timeoutMs: 1_500 };

  it('sends the location, whole seconds, and never a deadline', async () => {
    fake.containers.set(app.id, app);
    const seen: object[] = [];
    fake.onCheckpoint = ({ location, timeoutSeconds, hasDeadline }) => {
      seen.push({ location, timeoutSeconds, hasDeadline });
      return Promise.resolve();
    };
    await client.checkpoint(request, new AbortController().signal);
    expect(seen).toEqual([{ location: '/x.tar', timeoutSeconds: 2, hasDeadline: false }]);
  });

  it('is cancelled, not timed out, when our signal is aborted', async () => {
    fake.containers.set(app.id, app);
    const begun = Promise.withResolvers<AbortSignal>();
    fake.onCheckpoint = ({ signal }) => {
      begun.resolve(signal);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const stop = new AbortController();
    const result = client.checkpoint(request, stop.signal);
    const serverSignal = await begun.promise;
    const serverSaw = new Promise((resolve) => serverSignal.addEventListener('abort', resolve));
    stop.abort();
    await expect(result).rejects.toMatchObject({ code: 'cancelled' });
    await serverSaw;
  });

  it('is not begun with a signal that is aborted already', async () => {
    await expect(client.checkpoint(request, AbortSignal.abort())).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(fake.calls).toEqual([]);
  });

  it('says unreachable, not cancelled, for code 1 that we did not cause', async () => {
    fake.containers.set(app.id, app);
    fake.onCheckpoint = () => Promise.reject(new FakeRuntimeError(1, 'context canceled'));
    await expect(client.checkpoint(request, new AbortController().signal)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('says unreachable when the runtime is killed in the middle', async () => {
    fake.containers.set(app.id, app);
    const begun = Promise.withResolvers<void>();
    fake.onCheckpoint = () => {
      begun.resolve();
      return new Promise(() => undefined);
    };
    const result = client.checkpoint(request, new AbortController().signal);
    result.catch(() => undefined);
    await begun.promise;
    fake.kill();
    await expect(result).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });
});

describe('a runtime that is away', () => {
  it('is unreachable at once, and answers on the first call after it came back', async () => {
    await client.version();
    fake.kill();
    await expect(client.version()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(client.version()).rejects.toMatchObject({ code: 'unreachable' });
    await fake.start();
    await expect(client.version()).resolves.toMatchObject({ name: 'containerd' });
  });

  it('times a silent runtime out on our own clock', async () => {
    const clock = createFakeClock();
    const timed = createRuntimeClient({ socket: fake.socket, clock, log: silentLogger });
    const begun = Promise.withResolvers<void>();
    fake.onCall = () => {
      begun.resolve();
      return new Promise(() => undefined);
    };
    const result = timed.version();
    result.catch(() => undefined);
    await begun.promise;
    await clock.advance(10_000);
    await expect(result).rejects.toMatchObject({ code: 'timeout' });
    timed.close();
  });

  it('cannot be asked through a closed client', async () => {
    client.close();
    await expect(client.version()).rejects.toMatchObject({ code: 'cancelled' });
  });
});

it('refuses a socket that is no absolute path, and says how to write it', () => {
  const make = () =>
    createRuntimeClient({ socket: 'unix:///run/x.sock', clock: systemClock, log: silentLogger });
  expect(make).toThrow(expect.objectContaining({ code: 'bad-config' }));
});
