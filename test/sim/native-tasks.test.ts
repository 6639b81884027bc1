import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { CheckpointFault } from '../../src/sim/index.ts';
import { advanceUntil, CART, CART_APP, MIB, type Rig, useSims } from './rig.ts';

const startSim = useSims();
const never = new AbortController().signal;

async function startCart(options = {}) {
  const rig = await startSim(options);
  rig.sim.scenario.addPod(CART);
  return rig;
}

const lifeIn = (rig: Rig) => rig.sim.scenario.running(CART_APP).life;
const idIn = (rig: Rig) => lifeIn(rig).containerId;
const held = (rig: Rig) => {
  const { shimPaused, cgroupFrozen, traced } = lifeIn(rig);
  return { shimPaused, cgroupFrozen, traced };
};
const FREE = { shimPaused: false, cgroupFrozen: false, traced: false };
const PAUSED = { shimPaused: true, cgroupFrozen: true, traced: false };

/** A dump on its way. */
async function beginDump(rig: Rig, signal = never) {
  const imagePath = join(rig.sim.info.checkpointsDir, 'checkpoint');
  const workPath = join(rig.sim.info.checkpointsDir, 'work');
  mkdirSync(imagePath, { recursive: true });
  mkdirSync(workPath, { recursive: true });
  const received = rig.sim.happenings.next('checkpoint-received');
  const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
  const reply = rig.runtime.containerd.checkpointTask(
    { containerId: idIn(rig), imagePath, workPath, ...options },
    signal,
  );
  reply.catch(() => undefined);
  await received;
  return {
    reply,
    images: () => readdirSync(imagePath),
    work: () => readdirSync(workPath),
    workPath,
  };
}

async function pause(rig: Rig): Promise<void> {
  const frozen = rig.sim.happenings.next('frozen');
  const reply = rig.runtime.containerd.pauseTask(idIn(rig), never);
  await advanceUntil(rig.clock, Promise.all([reply, frozen]));
}

describe('a dump through the task service', () => {
  it('writes images beside its log, and stands still for CRIU alone', async () => {
    const checkpoint = { nativeFixedMs: 100, nativeBytesPerSecond: 64 * MIB };
    const rig = await startCart({ checkpoint });
    const { reply, images, work } = await beginDump(rig);
    await advanceUntil(rig.clock, reply);
    expect(images()).toEqual(
      expect.arrayContaining(['inventory.img', 'pstree.img', 'pages-1.img']),
    );
    expect(work()).toEqual(['dump.log', 'stats-dump']);
    expect(rig.sim.happenings.all('thawed')[0]?.stoodMs).toBe(1_100);
    expect(held(rig)).toEqual(FREE);
  });

  it('freezes for a moment, then holds the processes with the freezer thawed', async () => {
    const rig = await startCart();
    const frozen = rig.sim.happenings.next('frozen');
    const { reply } = await beginDump(rig);
    await frozen;
    expect(held(rig)).toEqual({ ...FREE, cgroupFrozen: true });
    await rig.clock.advance(20);
    expect(held(rig)).toEqual({ ...FREE, traced: true });
    await advanceUntil(rig.clock, reply);
  });

  it('leaves a paused container paused, for whoever paused it', async () => {
    const rig = await startCart();
    await pause(rig);
    const { reply } = await beginDump(rig);
    await advanceUntil(rig.clock, reply);
    expect(held(rig)).toEqual(PAUSED);
    expect(await rig.runtime.taskState(idIn(rig))).toBe('paused');
    await rig.runtime.resumeTask(idIn(rig));
    expect(held(rig)).toEqual(FREE);
  });

  it('leaves one that the freezer file holds frozen, too', async () => {
    const rig = await startCart();
    rig.sim.scenario.setFrozen(CART_APP, true);
    const { reply } = await beginDump(rig);
    await advanceUntil(rig.clock, reply);
    expect(held(rig)).toEqual({ ...FREE, cgroupFrozen: true });
  });

  it('makes the question for its state wait, for two seconds at most', async () => {
    const rig = await startCart({ checkpoint: { nativeFixedMs: 5_000 } });
    const { reply } = await beginDump(rig);
    await rig.clock.advance(100);
    const asked = rig.runtime.taskState(idIn(rig));
    expect(await advanceUntil(rig.clock, asked)).toBe('unknown');
    await advanceUntil(rig.clock, reply);
    expect(await rig.runtime.taskState(idIn(rig))).toBe('running');
  });

  it('waits for one that came before it, and both end well', async () => {
    const rig = await startCart();
    const first = await beginDump(rig);
    const second = await beginDump(rig);
    await advanceUntil(rig.clock, Promise.all([first.reply, second.reply]));
    expect(held(rig)).toEqual(FREE);
  });

  it('waits for a checkpoint through CRI', async () => {
    const rig = await startCart();
    const location = join(rig.sim.info.checkpointsDir, 'checkpoint-x.tar');
    const received = rig.sim.happenings.next('checkpoint-received');
    const request = { containerId: idIn(rig), location, timeoutMs: 60_000 };
    const cri = rig.runtime.checkpoint(request, never);
    await received;
    const { reply } = await beginDump(rig);
    await advanceUntil(rig.clock, Promise.all([cri, reply]));
    expect(held(rig)).toEqual(FREE);
  });

  it('does not know a container that is gone', async () => {
    const rig = await startCart();
    const gone = 'f'.repeat(64);
    await expect(rig.runtime.containerd.pauseTask(gone, never)).rejects.toMatchObject({
      code: 'not-found',
    });
    const paths = { imagePath: '/x', workPath: '/y' };
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    const reply = rig.runtime.containerd.checkpointTask(
      { containerId: gone, ...paths, ...options },
      never,
    );
    await expect(reply).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('Pause and Resume', () => {
  it('refuse what is done already, in the words of the shim', async () => {
    const rig = await startCart();
    const id = idIn(rig);
    await expect(rig.runtime.resumeTask(id)).rejects.toThrow('cannot resume a running process');
    await pause(rig);
    const again = rig.runtime.containerd.pauseTask(id, never);
    await expect(again).rejects.toThrow('cannot pause a paused container');
  });

  it('a Pause of what somebody froze finds nothing that runs', async () => {
    const rig = await startCart();
    rig.sim.scenario.setFrozen(CART_APP, true);
    const reply = rig.runtime.containerd.pauseTask(idIn(rig), never);
    await expect(reply).rejects.toThrow('container not running');
  });

  it('a Pause that takes long is seen, and a Resume stands behind it', async () => {
    const rig = await startCart();
    rig.sim.faults.set({ kind: 'slowPause', ms: 400 }, { times: 1 });
    const stop = new AbortController();
    const paused = rig.runtime.containerd.pauseTask(idIn(rig), stop.signal);
    paused.catch(() => undefined);
    while ((await rig.runtime.taskState(idIn(rig))) !== 'pausing');
    stop.abort();
    await expect(paused).rejects.toMatchObject({ code: 'cancelled' });
    await advanceUntil(rig.clock, rig.runtime.resumeTask(idIn(rig)));
    expect(rig.sim.happenings.all('frozen')).toHaveLength(1);
    expect(held(rig)).toEqual(FREE);
  });
});

describe('a dump that is given up', () => {
  it('by a cancel goes on, and the Resume after it waits and succeeds', async () => {
    const rig = await startCart({ checkpoint: { nativeFixedMs: 1_000 } });
    await pause(rig);
    const stop = new AbortController();
    const { reply, work } = await beginDump(rig, stop.signal);
    await rig.clock.advance(100);
    stop.abort();
    await expect(reply).rejects.toMatchObject({ code: 'cancelled' });
    expect(lifeIn(rig).traced).toBe(true);
    await advanceUntil(rig.clock, rig.runtime.resumeTask(idIn(rig)));
    expect(work()).toEqual(['dump.log', 'stats-dump']);
    expect(held(rig)).toEqual(FREE);
  });

  it('by a deadline lets Resume fail, and freezes again when CRIU is done', async () => {
    const rig = await startCart();
    await pause(rig);
    rig.sim.faults.set({ kind: 'leavePaused' }, { times: 1 });
    const { reply, work } = await beginDump(rig);
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow('deadline');
    expect(held(rig)).toEqual(PAUSED);
    expect(work()).toEqual(['dump.log']);
    await rig.runtime.resumeTask(idIn(rig));
    expect(held(rig)).toEqual(FREE);
  });
});

describe('what goes wrong with a dump', () => {
  it.each<[string, CheckpointFault, RegExp]>([
    [
      'CRIU',
      { kind: 'fail', text: 'criu failed: type NOTIFY errno 0' },
      /type NOTIFY errno 0 path=/,
    ],
    ['a full disk', { kind: 'diskFull' }, /criu failed: type DUMP/],
    ['a killed CRIU', { kind: 'criuKilled', while: 'traced' }, /read unixpacket/],
  ])(
    '%s ends in an error, half of the images, and a container that runs',
    async (_, fault, words) => {
      const rig = await startCart();
      rig.sim.faults.set(fault, { times: 1 });
      const { reply, images, workPath } = await beginDump(rig);
      await expect(advanceUntil(rig.clock, reply)).rejects.toThrow(words);
      expect(images()).toEqual(['pages-1.img']);
      const log = readFileSync(join(workPath, 'dump.log'), 'utf8');
      expect(log.includes('No space left on device')).toBe(fault.kind === 'diskFull');
      expect(held(rig)).toEqual(FREE);
    },
  );

  it('a CRIU killed at work leaves a shim that says PAUSED of what runs, until it is cured', async () => {
    const rig = await startCart();
    await pause(rig);
    rig.sim.faults.set({ kind: 'criuKilled', while: 'traced' }, { times: 1 });
    const { reply } = await beginDump(rig);
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow();
    const id = idIn(rig);
    expect(held(rig)).toEqual({ ...FREE, shimPaused: true });
    await expect(rig.runtime.resumeTask(id)).rejects.toThrow('container not paused');
    const paused = rig.runtime.containerd.pauseTask(id, never);
    await expect(paused).rejects.toThrow('cannot pause a paused container');
    rig.sim.scenario.setFrozen(CART_APP, true);
    await rig.runtime.resumeTask(id);
    expect(held(rig)).toEqual(FREE);
  });

  it('a CRIU killed in the frozen moment leaves {RUNNING, frozen}', async () => {
    const rig = await startCart();
    rig.sim.faults.set({ kind: 'criuKilled', while: 'frozen' }, { times: 1 });
    const { reply } = await beginDump(rig);
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow();
    expect(held(rig)).toEqual({ ...FREE, cgroupFrozen: true });
    await expect(rig.runtime.resumeTask(idIn(rig))).rejects.toThrow('running process');
  });

  it('images that are short or missing are told by nobody', async () => {
    const rig = await startCart();
    rig.sim.faults.set(
      { kind: 'missingMembers', members: ['checkpoint/pstree.img'] },
      { times: 1 },
    );
    const { reply, images } = await beginDump(rig);
    await advanceUntil(rig.clock, reply);
    expect(images()).not.toContain('pstree.img');
    expect(images()).toContain('inventory.img');
  });

  it('a directory that is not there is told before anything stands still', async () => {
    const rig = await startCart();
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    const paths = { imagePath: '/nowhere/at/all', workPath: '/nowhere/at/work' };
    const reply = rig.runtime.containerd.checkpointTask(
      { containerId: idIn(rig), ...paths, ...options },
      never,
    );
    await expect(reply).rejects.toThrow('mkdir /nowhere/at/all: no such file or directory');
    expect(rig.sim.happenings.all('frozen')).toEqual([]);
  });

  it('a container that ends in the middle cannot be dumped', async () => {
    const rig = await startCart();
    const { reply } = await beginDump(rig);
    rig.sim.scenario.exit(CART_APP, 137, 'OOMKilled');
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow('type DUMP errno 3');
  });
});

describe('another runtime', () => {
  it('has no task service, and its checkpoints pause by the freezer alone', async () => {
    const rig = await startCart({ runtime: { name: 'cri-o', version: '1.34.0' } });
    expect(await rig.runtime.version()).toMatchObject({ name: 'cri-o' });
    await expect(rig.runtime.taskState(idIn(rig))).rejects.toMatchObject({ code: 'unsupported' });
    expect((await rig.runtime.status(idIn(rig))).setup).toBeUndefined();
    rig.sim.faults.set({ kind: 'leavePaused' }, { times: 1 });
    const location = join(rig.sim.info.checkpointsDir, 'checkpoint-x.tar');
    const reply = rig.runtime.checkpoint({ containerId: idIn(rig), location, timeoutMs: 1 }, never);
    reply.catch(() => undefined);
    await rig.sim.happenings.first('checkpoint-received');
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow();
    expect(held(rig)).toEqual({ ...FREE, cgroupFrozen: true });
  });

  it('tells how containerd runs and stores a container', async () => {
    const rig = await startSim({ cgroupDriver: 'systemd' });
    rig.sim.scenario.addPod({ ...CART, runtimeType: 'io.containerd.kata.v2' });
    expect((await rig.runtime.status(idIn(rig))).setup).toMatchObject({
      runtimeType: 'io.containerd.kata.v2',
      runtimeOptions: { systemd_cgroup: true },
      snapshotter: 'overlayfs',
      snapshotKey: idIn(rig),
      hasUserNamespace: false,
    });
  });
});
