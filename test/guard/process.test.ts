import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PauseIntent } from '../../src/lease/index.ts';
import { type FakeTree, ID_A, ID_B, makeFakeTree } from '../node/fake-tree.ts';
import { createFakeRuntime, type FakeRuntime, fakeContainer } from '../support/fake-runtime.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { freezable, frozenForMs, isFrozen, type Talking, talk } from './guard-rig.ts';

const tempDir = useTempDirs();

let tree: FakeTree;
let runtime: FakeRuntime;
let socket: string;
let started: Talking[];

beforeEach(async () => {
  tree = makeFakeTree(2);
  const directory = tempDir();
  mkdirSync(join(directory, 'run'));
  socket = join(directory, 'run', 'guard.sock');
  runtime = createFakeRuntime(join(directory, 'containerd.sock'));
  for (const id of [ID_A, ID_B]) runtime.containers.set(id, fakeContainer('app', { id }));
  await runtime.start();
  started = [];
});

afterEach(async () => {
  for (const one of started) {
    one.child.kill('SIGCONT');
    one.child.kill('SIGKILL');
  }
  await Promise.all(started.map((one) => one.ended()));
  runtime.kill();
  tree.dispose();
});

async function guard(...more: string[]): Promise<Talking> {
  const flags = ['--socket', socket, '--runtime-socket', runtime.socket];
  const roots = ['--cgroup-root', tree.root, '--proc-root', tree.procRoot];
  const one = talk('src/guard/guard-process.ts', [...flags, ...roots, ...more], 'stderr');
  started.push(one);
  await one.next('guard-started');
  return one;
}

function agent(intent: PauseIntent): Talking {
  const one = talk('test/guard/pausing-agent.ts', [socket, JSON.stringify(intent)], 'stdout');
  started.push(one);
  return one;
}

async function paused(intent: PauseIntent): Promise<Talking> {
  const one = agent(intent);
  await one.next('paused');
  expect(isFrozen(intent)).toBe(true);
  return one;
}

/**
 * A second is promised, and measured by test/lab/guard on a real node. Here others may keep the
 * processors busy: then an agent that lives may be taken for hung, as it would be, and only a guard
 * that has not noticed at all is told from one that has.
 */
const FROZEN_MS_MAX = 5_000;

describe('the guard process resumes what was frozen by', () => {
  it('an agent that is killed', async () => {
    await guard();
    const intent = freezable(tree);
    const one = await paused(intent);
    one.child.kill('SIGKILL');
    expect(await frozenForMs(() => isFrozen(intent))).toBeLessThan(FROZEN_MS_MAX);
  });

  it('an agent that hangs, which learns of it when it wakes up', async () => {
    await guard();
    const intent = freezable(tree);
    const one = await paused(intent);
    one.child.kill('SIGSTOP');
    expect(await frozenForMs(() => isFrozen(intent))).toBeLessThan(FROZEN_MS_MAX);
    one.child.kill('SIGCONT');
    one.write('ask');
    expect(await one.next('')).toBe('lapsed');
  });

  it('an agent that dies while the guard is started again', async () => {
    const first = await guard();
    const intent = freezable(tree);
    const one = await paused(intent);
    await first.kill('SIGKILL');
    await one.kill('SIGKILL');
    expect(isFrozen(intent)).toBe(true);
    await guard();
    expect(await frozenForMs(() => isFrozen(intent))).toBeLessThan(FROZEN_MS_MAX);
  });

  it('an agent by the task API', async () => {
    await guard();
    const one = agent({ containerId: ID_A, via: 'task', cgroupVersion: 2 });
    await one.next('paused');
    const container = runtime.containers.get(ID_A);
    if (!container) throw new Error('no container');
    container.task = 'PAUSED';
    one.child.kill('SIGKILL');
    const isPaused = () => container.task === 'PAUSED';
    expect(await frozenForMs(isPaused)).toBeLessThan(FROZEN_MS_MAX);
    expect(runtime.calls).toContain('Resume');
  });

  it('an agent, also while the runtime is away', async () => {
    await guard();
    const intent = freezable(tree);
    const one = await paused(intent);
    runtime.kill();
    one.child.kill('SIGKILL');
    expect(await frozenForMs(() => isFrozen(intent))).toBeLessThan(FROZEN_MS_MAX);
  });
});

describe('the guard process leaves alone', () => {
  it('what an agent has released', async () => {
    await guard();
    const intent = freezable(tree);
    const one = await paused(intent);
    one.write('release');
    await one.next('');
    await one.kill('SIGKILL');
    const other = agent({ ...intent, containerId: ID_A, via: 'task' });
    expect(await other.next('refused')).toContain('is freezing before it was paused by us');
    expect(isFrozen(intent)).toBe(true);
  });

  it('what a guard wrote down in another run of the kernel', async () => {
    const intent = freezable(tree);
    writeFileSync(join(intent.freezerDirectory ?? '', 'cgroup.freeze'), '1\n');
    const entries = [{ agent: 'a', n: 1, intent, standing: 'resuming' }];
    const text = JSON.stringify({ version: 1, bootId: '0'.repeat(36), entries });
    writeFileSync(`${socket}.intents`, text);
    await guard();
    const other = agent({ containerId: ID_B, via: 'task', cgroupVersion: 2 });
    await other.next('paused');
    expect(isFrozen(intent)).toBe(true);
  });
});

describe('the guard process', () => {
  it('stays at SIGTERM until its agent is gone and nothing stands still', async () => {
    const one = await guard();
    const intent = freezable(tree);
    const holder = await paused(intent);
    for (let times = 0; times < 2; times++) {
      one.child.kill('SIGTERM');
      await one.next('guard-asked-to-leave');
    }
    expect(one.child.exitCode).toBeNull();
    holder.child.kill('SIGKILL');
    expect(await one.ended()).toBe(0);
    expect(isFrozen(intent)).toBe(false);
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(`${socket}.intents`)).toBe(true);
  });

  it('leaves at once when it is asked twice and nothing is paused', async () => {
    const one = await guard();
    const intent = freezable(tree);
    const holder = await paused(intent);
    holder.write('release');
    await holder.next('');
    one.child.kill('SIGTERM');
    await one.next('guard-asked-to-leave');
    one.child.kill('SIGTERM');
    expect(await one.ended()).toBe(0);
    await holder.next('absent');
  });

  it('opens its socket and its file to root alone', async () => {
    await guard();
    await paused(freezable(tree));
    const modes = [socket, `${socket}.intents`, join(socket, '..')].map(
      (path) => statSync(path).mode & 0o777,
    );
    expect(modes).toEqual([0o600, 0o600, 0o700]);
  });

  it.each([
    ['on a socket that another guard has', [], 4, /another guard listens on/],
    ['with a flag that it has not', ['--sokcet', '/x'], 2, /Unknown option '--sokcet'/],
    ['with a log level that it has not', ['--log-level', 'loud'], 2, /allowed: debug, info/],
  ] as const)('does not start %s, and says why', async (_, flags, code, expected) => {
    if (flags.length === 0) await guard();
    const socketFlags = flags.length === 0 ? ['--socket', socket] : flags;
    const one = talk('src/guard/guard-process.ts', socketFlags, 'stderr');
    started.push(one);
    expect(await one.next('error')).toMatch(expected);
    expect(await one.ended()).toBe(code);
  });
});
