import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/base/index.ts';
import { createTasks, type Tasks } from '../../src/guard/tasks.ts';
import {
  createFakeRuntime,
  type FakeContainer,
  type FakeRuntime,
  FakeRuntimeError,
  fakeContainer,
} from '../support/fake-runtime.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

let runtime: FakeRuntime;
let container: FakeContainer;
let tasks: Tasks;

beforeEach(async () => {
  runtime = createFakeRuntime(join(tempDir(), 'containerd.sock'));
  container = fakeContainer('app');
  runtime.containers.set(container.id, container);
  await runtime.start();
  tasks = createTasks({ socket: runtime.socket, clock: systemClock });
});

afterEach(() => runtime.kill());

describe('the guard asks a runtime that speaks gRPC', () => {
  it.each(['CREATED', 'RUNNING', 'STOPPED', 'PAUSED', 'PAUSING'] as const)(
    'for a task that is %s',
    async (task) => {
      container.task = task;
      expect(await tasks.taskState(container.id)).toBe(task.toLowerCase());
    },
  );

  it('to resume a task', async () => {
    container.task = 'PAUSED';
    await tasks.resumeTask(container.id);
    expect(await tasks.taskState(container.id)).toBe('running');
    expect(runtime.calls).toEqual(['Resume', 'Get']);
  });

  it.each<[string, number, string]>([
    ['does not know it', 5, 'not-found'],
    ['has no tasks', 12, 'unsupported'],
    ['goes away', 14, 'unreachable'],
    ['refuses', 2, 'runtime-failed'],
  ])('that %s', async (_, grpcCode, code) => {
    runtime.onCall = () => Promise.reject(new FakeRuntimeError(grpcCode, 'container not paused'));
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('container not paused'),
    });
  });

  it('that is not there', async () => {
    runtime.kill();
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('that dies in the middle of a call', async () => {
    runtime.onCall = async () => runtime.kill();
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('that does not answer, and is given up after 250 ms', async () => {
    runtime.onCall = () => new Promise(() => undefined);
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({ code: 'timeout' });
  });

  it('that is slow, and is given more time from question to question', async () => {
    runtime.onCall = () => systemClock.sleep(350);
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({ code: 'timeout' });
    expect(await tasks.taskState(container.id)).toBe('running');
    await expect(tasks.taskState(container.id)).rejects.toMatchObject({ code: 'timeout' });
  });

  it('that speaks something else', async () => {
    const socket = join(tempDir(), 'other.sock');
    const server = createServer((connection) => connection.resume().end('220 hello\r\n'));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const others = createTasks({ socket, clock: systemClock });
    await expect(others.taskState('a')).rejects.toMatchObject({ code: 'unreachable' });
    await new Promise((resolve) => server.close(resolve));
  });

  it('of a container whose id is none', async () => {
    await expect(tasks.taskState('a'.repeat(200))).rejects.toMatchObject({ code: 'bad-input' });
  });
});
