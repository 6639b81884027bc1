import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { messageOf, systemClock } from '../../../src/base/index.ts';
import type { ContainerCgroup } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { useCaptureRig } from '../capture/capture-rig.ts';
import { cgroupOf } from '../capture/lab-node.ts';
import { deletePod, waitFor } from '../lib/index.ts';
import { startHog } from './hog.ts';

/*
 * The guard process, and a process that freezes as an agent does: who it leaves standing still when
 * it dies or hangs, the guard lets run. Times are of the emulated machine: all of Node and of
 * containerd is 5 to 20 times slower in it, the guard's half second of patience is not.
 */

const SIZE_MB = 16;
/** From the signal until it runs. */
const STILL_MS_MAX = 1_000;
/** Resume goes through containerd, its shim and runc: 1.5 to 3.3 s there, a twentieth elsewhere. */
const STILL_PAUSED_MS_MAX = 10_000;
const TRIES = 5;
const source = join(import.meta.dirname, '../../../src');

interface Held {
  target: Target;
  cgroup: ContainerCgroup;
}

describe('a guard on cgroup v2', () => {
  const rig = useCaptureRig();
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-v2-'));
  const socket = join(directory, 'guard.sock');
  let guard: ChildProcess;
  let holder: ChildProcess | undefined;
  let byFile: Held;
  let byTask: Held;

  beforeAll(async () => {
    const { containerdSocket } = rig.clients.node;
    const places = ['--socket', socket, '--runtime-socket', containerdSocket];
    const flags = [...places, '--log-level', 'warn'];
    guard = spawn(process.execPath, [join(source, 'guard/guard-process.ts'), ...flags], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    byFile = await start('held-by-file');
    byTask = await start('held-by-task');
  });
  afterAll(async () => {
    for (const { target } of [byFile, byTask]) await deletePod(target.pod);
    guard.kill('SIGTERM');
    if (guard.exitCode === null) await once(guard, 'exit');
    rmSync(directory, { recursive: true });
  });
  const start = async (name: string): Promise<Held> => {
    const target = await startHog(name, SIZE_MB);
    return { target, cgroup: await cgroupOf(rig.clients, target.containerId) };
  };
  afterEach(() => {
    holder?.kill('SIGKILL');
  });

  const freezerOf = ({ cgroup }: Held) => rig.clients.probe.cgroups.freezerState(cgroup);
  const taskOf = ({ target }: Held) => rig.clients.runtime.taskState(target.containerId);
  const standings = () => [byFile, byTask].map(freezerOf).join();
  const startHolder = () => {
    const orders = [`freezer=${byFile.target.containerId}`, `task=${byTask.target.containerId}`];
    const { containerdSocket } = rig.clients.node;
    const program = join(import.meta.dirname, 'holder.ts');
    holder = spawn(process.execPath, [program, socket, containerdSocket, ...orders], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    return { process: holder, lines: createInterface(holder.stdout as Readable) };
  };
  /** Freezes both, and holds them. A holder that the machine lets hang itself is none. */
  const hold = async (): Promise<ReturnType<typeof startHolder>> => {
    for (let tried = 1; ; tried++) {
      for (const each of [byFile, byTask]) await runs(each);
      const started = startHolder();
      const said = await nextLine(started.lines).catch(messageOf);
      if (standings() === 'frozen,frozen') return started;
      started.process.kill('SIGKILL');
      if (tried === TRIES) throw new Error(`${JSON.stringify(said)}, they are ${standings()}`);
    }
  };
  /** How long after `sinceMs` each of them stood still. */
  const stillMs = (sinceMs: number) =>
    Promise.all(
      [byFile, byTask].map(async (held) => {
        await waitFor('it to thaw', () => freezerOf(held) === 'thawed', { everyMs: 1 });
        return systemClock.monotonicMs() - sinceMs;
      }),
    );
  const runs = (held: Held) =>
    waitFor('it to run, and its shim to know', async () => {
      return freezerOf(held) === 'thawed' && (await taskOf(held)) === 'running';
    });
  const mustRun = async (held: Held) => {
    await runs(held);
    await rig.expectTicking(held.target);
  };

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'lets run what its agent held when it got %s, by the file within a second',
    async (signal) => {
      const held = await hold();
      const sinceMs = systemClock.monotonicMs();
      held.process.kill(signal);
      const [file, task] = await stillMs(sinceMs);
      process.stdout.write(
        `\nStill standing after a ${signal} of the agent, emulated: frozen by the file ` +
          `${file?.toFixed(0)} ms, by Tasks.Pause ${task?.toFixed(0)} ms\n`,
      );
      expect(file).toBeLessThanOrEqual(STILL_MS_MAX);
      expect(task).toBeLessThanOrEqual(STILL_PAUSED_MS_MAX);
      for (const each of [byFile, byTask]) await mustRun(each);
      if (signal === 'SIGKILL') return;
      held.process.kill('SIGCONT');
      held.process.stdin?.end();
      expect(await nextLine(held.lines)).toEqual({ lapsed: [true, true] });
      await once(held.process, 'exit');
      for (const each of [byFile, byTask]) await mustRun(each);
    },
  );

  it('cures a pause that somebody has thawed, and leaves a frozen pod to who froze it', async () => {
    const held = await hold();
    rig.clients.probe.cgroups.setFreezer(byTask.cgroup, 'thawed');
    const ofPod = join(dirname(byFile.cgroup.freezerDirectory), 'cgroup.freeze');
    const own = join(byFile.cgroup.freezerDirectory, 'cgroup.freeze');
    writeFileSync(ofPod, '1');
    held.process.kill('SIGKILL');
    await waitFor('our own freeze to end', () => readFileSync(own, 'utf8').trim() === '0');
    await mustRun(byTask);
    expect(readFileSync(ofPod, 'utf8').trim()).toBe('1');
    expect(freezerOf(byFile)).toBe('frozen');
    writeFileSync(ofPod, '0');
    await mustRun(byFile);
  });
});

/** Rejects when the process has ended instead. */
async function nextLine(lines: Interface): Promise<unknown> {
  const ended = once(lines, 'close').then(() => {
    throw new Error('it ended without a word');
  });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  return JSON.parse(line);
}
