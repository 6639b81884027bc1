import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureThawed, type ThawResult } from '../../../src/capture/index.ts';
import type { ContainerCgroup, FreezerState } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { useCaptureRig } from '../capture/capture-rig.ts';
import { cgroupOf } from '../capture/lab-node.ts';
import { home } from '../layout.ts';
import { ctr, deletePod, waitFor } from '../lib/index.ts';
import { startHog } from './hog.ts';

/*
 * The states in which a container can be left on cgroup v2, made by what makes them on a node, and
 * the thaw check that finds and cures them. Those made by hand are in left-frozen-suite.ts.
 */

const SIZE_MB = 16;
const POD = 'stuck';
const TRIES = 6;

describe('a container on cgroup v2', () => {
  const rig = useCaptureRig();
  let target: Target;
  let cgroup: ContainerCgroup;

  beforeAll(async () => {
    target = await startHog(POD, SIZE_MB);
    cgroup = await cgroupOf(rig.clients, target.containerId);
  });
  // Whatever a test that failed has left is none of the next one's.
  afterEach(() => check());
  afterAll(() => deletePod(POD));

  const freezer = () => rig.clients.probe.cgroups.freezerState(cgroup);
  const pause = () => ctr(rig.clients.node, ['tasks', 'pause', target.containerId]);
  const look = async () =>
    `${await rig.clients.runtime.taskState(target.containerId)}, ${freezer()}`;
  const check = (): Promise<ThawResult> => {
    const asked = { containerId: target.containerId, cgroup, frozenBefore: false };
    return ensureThawed(rig.tools, { ...asked, mayFinishLater: true });
  };
  const mustRun = async () => {
    expect(await look()).toBe('running, thawed');
    // A shim that believed in a pause that is over would refuse both.
    await pause();
    await ctr(rig.clients.node, ['tasks', 'resume', target.containerId]);
    await rig.expectTicking(target);
  };

  /** Kills CRIU as soon as the freezer of the container that it dumps is as wanted. */
  const killCriu = async (at: FreezerState) => {
    const folder = mkdtempSync(join(rig.clients.node.checkpointsDir, 'killed-'));
    const [imagePath, workPath] = [join(folder, 'checkpoint'), join(folder, 'work')];
    for (const directory of [imagePath, workPath]) mkdirSync(directory);
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    const never = new AbortController().signal;
    const before = readdirSync('/proc');
    const dump = { containerId: target.containerId, imagePath, workPath, ...options };
    const ended = rig.clients.runtime.containerd.checkpointTask(dump, never).then(
      () => 'dumped',
      () => 'failed',
    );
    // Before it runc asks a CRIU for its version.
    await waitFor('CRIU', () => existsSync(join(workPath, 'dump.log')), { everyMs: 1 });
    const [main] = freshCriu(before);
    // Not left to timers: the moment may last 2 ms.
    while (freezer() !== at && existsSync(`/proc/${main}/exe`));
    // Its helpers too: one that lives on keeps runc, which waits for all of them, from returning.
    for (const pid of [main, ...freshCriu(before)]) kill(pid);
    await ended;
    rmSync(folder, { recursive: true });
  };
  it.each([
    { paused: false, at: 'frozen', left: 'running, frozen', act: 'thaw-freezer' },
    { paused: true, at: 'frozen', left: 'paused, frozen', act: 'resume' },
    { paused: true, at: 'thawed', left: 'paused, thawed', act: 'freeze-and-resume' },
  ] as const)(
    'left $left by a CRIU that was killed is cured by $act',
    async ({ paused, at, left, act }) => {
      let seen = '';
      for (let tried = 0; seen !== left && tried < TRIES; tried++) {
        if (tried > 0) await check();
        if (paused) await pause();
        await killCriu(at);
        seen = await look();
      }
      expect(seen).toBe(left);
      expect(await check()).toMatchObject({ end: 'runs', acts: [act] });
      await mustRun();
    },
  );

  it('frozen by its pod’s cgroup is not ours: never captured and never thawed', async () => {
    const ofPod = join(dirname(cgroup.freezerDirectory), 'cgroup.freeze');
    const own = join(cgroup.freezerDirectory, 'cgroup.freeze');
    const read = (file: string) => readFileSync(file, 'utf8').trim();
    writeFileSync(ofPod, '1');
    try {
      await waitFor('the pod to freeze', () => freezer() === 'frozen');
      expect({ own: read(own), pod: read(ofPod) }).toEqual({ own: '0', pod: '1' });
      const signal = new AbortController().signal;
      const trigger = rig.triggerOn(target, 'containerd', { sequence: 'race' });
      const outcome = await rig.makeCapturer().capture(trigger, signal);
      expect(outcome).toMatchObject({ kind: 'refused', reason: 'frozen-already' });
      const asked = { containerId: target.containerId, cgroup, frozenBy: 'freezer' as const };
      const question = { ...asked, frozenBefore: false, mayFinishLater: false };
      const { end } = await ensureThawed({ ...rig.tools, thawMsMax: 3_000 }, question);
      expect({ end, pod: read(ofPod), is: freezer() }).toEqual({
        ...{ end: 'stuck', pod: '1', is: 'frozen' },
      });
    } finally {
      writeFileSync(ofPod, '0');
    }
    await waitFor('the pod to thaw', () => freezer() === 'thawed');
    await mustRun();
  });
});

/** Looks at new processes only: at all of them it would look for longer than CRIU freezes. */
function freshCriu(before: readonly string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !before.includes(name))
    .filter((pid) => programOf(pid).startsWith(join(home, 'criu')))
    .map(Number);
}

/** Empty for one that has ended. */
function programOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** One that has ended meanwhile has missed its moment, which the state then shows. */
function kill(pid: number | undefined): void {
  if (pid !== undefined && programOf(String(pid)) !== '') process.kill(pid, 'SIGKILL');
}
