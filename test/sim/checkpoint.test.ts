import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { judgeCheckpointReply } from '../../src/kube/index.ts';
import type { CheckpointFault } from '../../src/sim/index.ts';
import { advanceUntil, CART, CART_APP, MIB, type Rig, useSims } from './rig.ts';

const startSim = useSims();

async function startCart(options = {}) {
  const rig = await startSim(options);
  rig.sim.scenario.addPod(CART);
  return rig;
}

const lifeIn = (rig: Rig) => rig.sim.scenario.running(CART_APP).life;
const archivesIn = (rig: Rig) => readdirSync(rig.sim.info.checkpointsDir);

/** A checkpoint over the runtime's socket, on its way. */
async function beginCri(rig: Rig, signal = new AbortController().signal) {
  const { containerId } = lifeIn(rig);
  const location = join(rig.sim.info.checkpointsDir, 'checkpoint-x.tar');
  const received = rig.sim.happenings.next('checkpoint-received');
  const reply = rig.runtime.checkpoint({ containerId, location, timeoutMs: 60_000 }, signal);
  reply.catch(() => undefined);
  await received;
  return { reply, location };
}

/** A checkpoint over the kubelet's endpoint, on its way. */
async function beginKubelet(rig: Rig, timeoutSeconds = 300, signal = new AbortController().signal) {
  const received = rig.sim.happenings.next('checkpoint-received');
  const reply = rig.kubelet.requestCheckpoint({ ...CART_APP, timeoutSeconds }, signal);
  reply.catch(() => undefined);
  await received;
  return { reply };
}

describe('a checkpoint', () => {
  it('stands still for as long as its bytes take, and tells so in the freezer', async () => {
    const checkpoint = { fixedMs: 100, freezeBytesPerSecond: 64 * MIB };
    const rig = await startCart({ checkpoint });
    const { reply } = await beginCri(rig);
    await advanceUntil(rig.clock, reply);
    const [thawed] = rig.sim.happenings.all('thawed');
    expect(thawed?.stoodMs).toBe(1_100);
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false, traced: false });
  });

  it('shows paused to the task API, thawed to the freezer and traced while CRIU works', async () => {
    const rig = await startCart();
    const { reply } = await beginCri(rig);
    const { containerId, cgroupFrozen, traced } = lifeIn(rig);
    expect(await rig.runtime.taskState(containerId)).toBe('paused');
    expect({ cgroupFrozen, traced }).toEqual({ cgroupFrozen: false, traced: true });
    await rig.clock.advance(200);
    expect(lifeIn(rig)).toMatchObject({ cgroupFrozen: true, traced: false });
    await advanceUntil(rig.clock, reply);
    expect(await rig.runtime.taskState(containerId)).toBe('running');
  });

  it('through the kubelet is named as the kubelet names it, in its zone', async () => {
    const rig = await startCart({ utcOffsetMinutes: 330 });
    const { reply } = await beginKubelet(rig);
    const verdict = judgeCheckpointReply(await advanceUntil(rig.clock, reply), CART_APP);
    const name = 'checkpoint-cart_shop-app-2026-01-01T05:30:00+05:30.tar';
    expect(archivesIn(rig)).toEqual([name]);
    const archivePath = join(rig.sim.info.checkpointsDir, name);
    expect(verdict).toEqual({ kind: 'done', archivePath });
    expect(statSync(archivePath).mode & 0o777).toBe(0o600);
  });

  it('through the proxy of the API server reaches the same kubelet, with the right to it', async () => {
    const rig = await startCart();
    const path = '/api/v1/nodes/sim-node/proxy/checkpoint/shop/cart/app?timeout=300';
    const refused = rig.api.json({ method: 'POST', path });
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    const { token } = rig.sim.info;
    rig.sim.identities.remove(token);
    rig.sim.identities.add({ user: 'admin', token, may: () => true });
    const reply = rig.api.json<{ items: string[] }>({ method: 'POST', path });
    await rig.sim.happenings.first('checkpoint-received');
    expect((await advanceUntil(rig.clock, reply)).items).toHaveLength(1);
  });

  it('leaves the end and the mode of a longer file that was there', async () => {
    const rig = await startCart({ checkpoint: { pagesScale: 4096 } });
    const { containerId } = lifeIn(rig);
    const location = join(rig.sim.info.checkpointsDir, 'old.tar');
    writeFileSync(location, Buffer.alloc(4 * MIB, 'x'), { mode: 0o644 });
    const never = new AbortController().signal;
    const reply = rig.runtime.checkpoint({ containerId, location, timeoutMs: 1_000 }, never);
    await rig.sim.happenings.first('checkpoint-received');
    await advanceUntil(rig.clock, reply);
    expect(statSync(location).size).toBe(4 * MIB);
    expect(statSync(location).mode & 0o777).toBe(0o644);
    expect(readFileSync(location).subarray(-1).toString()).toBe('x');
  });

  it('fails only after the freeze when its directory is not there', async () => {
    const rig = await startCart();
    const { containerId } = lifeIn(rig);
    const location = '/nowhere/at/all.tar';
    const never = new AbortController().signal;
    const reply = rig.runtime.checkpoint({ containerId, location, timeoutMs: 1_000 }, never);
    await rig.sim.happenings.first('checkpoint-received');
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow('no such file or directory');
    expect(rig.sim.happenings.all('thawed')).toHaveLength(1);
  });

  it('does not keep a kill from coming, but the kill waits for it', async () => {
    const rig = await startCart();
    const { reply } = await beginCri(rig);
    const gone = rig.sim.scenario.deletePod(CART_APP);
    await advanceUntil(rig.clock, reply);
    expect(archivesIn(rig)).toHaveLength(1);
    await advanceUntil(rig.clock, gone);
    expect(rig.sim.happenings.all('container-stopped')).toHaveLength(1);
  });
});

describe('giving a checkpoint up', () => {
  it('by cancelling is safe: CRIU ends, the container runs on, no archive comes', async () => {
    const rig = await startCart();
    const stop = new AbortController();
    const { reply } = await beginCri(rig, stop.signal);
    const ended = rig.sim.happenings.next('checkpoint-ended');
    stop.abort();
    await expect(reply).rejects.toMatchObject({ code: 'cancelled' });
    expect(await advanceUntil(rig.clock, ended)).toMatchObject({ code: 'Unknown' });
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false });
    expect(archivesIn(rig)).toEqual([]);
  });

  it('by closing the connection to the kubelet is safe, too', async () => {
    const rig = await startCart();
    const stop = new AbortController();
    const { reply } = await beginKubelet(rig, 300, stop.signal);
    const ended = rig.sim.happenings.next('checkpoint-ended');
    stop.abort();
    await expect(reply).rejects.toMatchObject({ code: 'cancelled' });
    await advanceUntil(rig.clock, ended);
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false });
  });

  it('by a deadline leaves the container paused until somebody resumes it', async () => {
    const slow = { tickMs: 1_000, checkpoint: { freezeBytesPerSecond: MIB / 4 } };
    const rig = await startCart(slow);
    const { reply } = await beginKubelet(rig, 1);
    const { status, body } = await advanceUntil(rig.clock, reply, 1_000);
    // A timeout of one second changes nothing: the kubelet's own two minutes apply.
    expect(rig.clock.monotonicMs()).toBe(120_000);
    const why = 'rpc error: code = DeadlineExceeded desc = context deadline exceeded';
    expect([status, body]).toEqual([500, `checkpointing of shop/cart/app failed (${why})`]);
    await rig.clock.advance(600_000);
    const { containerId } = lifeIn(rig);
    expect(await rig.runtime.taskState(containerId)).toBe('paused');
    expect(lifeIn(rig).cgroupFrozen).toBe(true);
    await rig.runtime.resumeTask(containerId);
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false });
    await expect(rig.runtime.resumeTask(containerId)).rejects.toThrow('cannot resume');
  });

  it('leaves a container alone that was thawed by hand: paused for the shim, resumed never', async () => {
    const rig = await startCart();
    rig.sim.faults.set({ kind: 'leavePaused' });
    const { reply } = await beginCri(rig);
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow();
    rig.sim.scenario.setFrozen(CART_APP, false);
    const { containerId } = lifeIn(rig);
    await expect(rig.runtime.resumeTask(containerId)).rejects.toThrow('container not paused');
    rig.sim.scenario.setFrozen(CART_APP, true);
    await rig.runtime.resumeTask(containerId);
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false });
  });
});

describe('what goes wrong', () => {
  it('both of two at once on one container fail', async () => {
    const rig = await startCart();
    const first = await beginCri(rig);
    const second = await beginKubelet(rig);
    const { status, body } = await second.reply;
    expect([status, body]).toEqual([500, expect.stringContaining('already exists')]);
    await expect(advanceUntil(rig.clock, first.reply)).rejects.toThrow('pstree.img');
  });

  it.each<[string, CheckpointFault, RegExp, number]>([
    ['CRIU', { kind: 'fail', text: 'criu failed: type DUMP errno 0' }, /type DUMP errno 0/, 0],
    ['a full disk', { kind: 'diskFull' }, /no space left on device/, 1],
    ['a deadline of its own', { kind: 'leavePaused' }, /deadline/i, 0],
  ])('%s ends in an error', async (_name, fault, words, files) => {
    const rig = await startCart();
    rig.sim.faults.set(fault, { times: 1 });
    const { reply } = await beginCri(rig);
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow(words);
    expect(archivesIn(rig)).toHaveLength(files);
  });

  it('a hanging CRIU holds the container until the caller cancels', async () => {
    const rig = await startCart({ tickMs: 60_000 });
    rig.sim.faults.set({ kind: 'hang' });
    const stop = new AbortController();
    const { reply } = await beginCri(rig, stop.signal);
    await rig.clock.advance(3_600_000);
    expect(lifeIn(rig).traced).toBe(true);
    const thawed = rig.sim.happenings.next('thawed');
    stop.abort();
    await expect(reply).rejects.toThrow();
    await advanceUntil(rig.clock, thawed);
    expect(lifeIn(rig)).toMatchObject({ shimPaused: false, cgroupFrozen: false, traced: false });
  });

  it('a process that is killed in the middle cannot be dumped', async () => {
    const rig = await startCart();
    const { reply } = await beginCri(rig);
    rig.sim.scenario.exit(CART_APP, 137, 'OOMKilled');
    await expect(advanceUntil(rig.clock, reply)).rejects.toThrow('type DUMP');
    expect(archivesIn(rig)).toEqual([]);
  });

  it('only as often as was set, and only in the container that was named', async () => {
    const rig = await startCart();
    rig.sim.scenario.addPod({ ...CART, name: 'other' });
    const other = { ...CART_APP, pod: 'other' };
    rig.sim.faults.set({ kind: 'fail', text: 'no' }, { times: 1, container: other });
    const { reply } = await beginCri(rig);
    await advanceUntil(rig.clock, reply);
    const { containerId } = rig.sim.scenario.running(other).life;
    for (const outcome of ['rejected', 'fulfilled']) {
      const location = join(rig.sim.info.checkpointsDir, `${outcome}.tar`);
      const never = new AbortController().signal;
      const received = rig.sim.happenings.next('checkpoint-received');
      const [result] = await Promise.all([
        Promise.allSettled([
          rig.runtime.checkpoint({ containerId, location, timeoutMs: 1_000 }, never),
        ]),
        received.then(() => rig.clock.advance(5_000)),
      ]);
      expect(result[0].status).toBe(outcome);
    }
  });

  it('the runtime goes away and comes back with the same containers', async () => {
    const rig = await startCart();
    await rig.sim.runtime.stop();
    await expect(rig.runtime.version()).rejects.toMatchObject({ code: 'unreachable' });
    await rig.sim.runtime.start();
    expect(await rig.runtime.listRunning()).toHaveLength(1);
  });
});
