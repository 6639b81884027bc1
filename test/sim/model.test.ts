import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import { createNodeProbe, openCgroups } from '../../src/node/index.ts';
import { createSim, type SimOptions } from '../../src/sim/index.ts';
import { advanceUntil, CART, CART_APP, MIB, type Rig, useSims } from './rig.ts';

const startSim = useSims();

/** The container's state as the API server shows it. */
function shown(rig: Rig) {
  const pod = rig.sim.store.get('pods', 'shop', 'cart') as {
    status?: { containerStatuses: Record<string, unknown>[] };
  };
  return pod.status?.containerStatuses[0];
}

function eventsOf(rig: Rig, reason: string) {
  return rig.sim.store.list('events').filter((event) => event.reason === reason);
}

describe('a leak', () => {
  it('grows at its rate and ends in an OOM kill at the limit', async () => {
    const rig = await startSim();
    const { scenario } = rig.sim;
    scenario.addPod(CART);
    const killed = scenario.leak(CART_APP, 50 * MIB);
    await rig.clock.advance(2_000);
    expect(scenario.running(CART_APP).life.usedBytes).toBeCloseTo(164 * MIB, -6);
    const end = await advanceUntil(rig.clock, killed);
    expect(end).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(rig.clock.monotonicMs()).toBeGreaterThanOrEqual(3_840);
    const lastState = { terminated: { reason: 'OOMKilled', exitCode: 137 } };
    await rig.clock.advance(20);
    expect(shown(rig)).toMatchObject({ restartCount: 1, state: { running: {} }, lastState });
  });

  it('counts its kill in the cgroup of the pod, which outlives the container', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const { pod } = rig.sim.scenario.running(CART_APP);
    await advanceUntil(rig.clock, rig.sim.scenario.leak(CART_APP, 500 * MIB));
    const directory = join(rig.sim.info.cgroupRoot, 'kubepods/burstable', `pod${pod.uid}`);
    const text = readFileSync(join(directory, 'memory.events'), 'utf8');
    expect(text).toContain('oom_kill 1');
  });

  it('is not fed by page cache: it fills the rest up to the limit and kills nobody', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    rig.sim.scenario.setMemory(CART_APP, 64 * MIB, 500 * MIB);
    await rig.clock.advance(100);
    const { life } = rig.sim.scenario.running(CART_APP);
    expect(life.usedBytes + life.cacheBytes).toBe(256 * MIB);
  });
});

describe('a crash loop', () => {
  it('restarts at once first, then backs off twice as long each time', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const backOffs = () => rig.sim.happenings.all('back-off').map(({ delayMs }) => delayMs);
    void rig.sim.scenario.crashLoop(CART_APP, 3_000);
    await rig.clock.advance(3_100);
    expect(shown(rig)).toMatchObject({
      restartCount: 1,
      state: { running: {} },
      lastState: { terminated: { reason: 'Error', exitCode: 1 } },
    });
    await rig.clock.advance(3_000);
    const waiting = { reason: 'CrashLoopBackOff' };
    expect(shown(rig)).toMatchObject({ restartCount: 1, state: { waiting } });
    expect(backOffs()).toEqual([10_000]);
    await rig.clock.advance(10_000 + 3_100);
    expect(backOffs()).toEqual([10_000, 20_000]);
    expect(eventsOf(rig, 'BackOff')).toMatchObject([{ count: 2, type: 'Warning' }]);
  });

  it('gives every life an id and a cgroup of its own', async () => {
    const rig = await startSim();
    const { pod } = { pod: rig.sim.scenario.addPod(CART) };
    const first = rig.sim.scenario.running(CART_APP).life.containerId;
    await advanceUntil(rig.clock, rig.sim.scenario.crashLoop(CART_APP, 1_000));
    await rig.clock.advance(50);
    const second = rig.sim.scenario.running(CART_APP).life.containerId;
    expect(second).not.toBe(first);
    const directory = join(rig.sim.info.cgroupRoot, 'kubepods/burstable', `pod${pod.uid}`);
    const groups = readdirSync(directory).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(groups).toEqual([second]);
  });

  it.each([
    ['Never', 1, 'Failed'],
    ['OnFailure', 0, 'Succeeded'],
  ] as const)(
    'is none with restartPolicy %s and exit code %d',
    async (restartPolicy, code, phase) => {
      const rig = await startSim();
      rig.sim.scenario.addPod({ ...CART, restartPolicy });
      rig.sim.scenario.exit(CART_APP, code);
      await rig.clock.advance(60_000);
      expect(rig.sim.store.get('pods', 'shop', 'cart')).toMatchObject({ status: { phase } });
    },
  );
});

describe('a liveness probe', () => {
  const liveness = { handler: 'httpGet', periodMs: 1_000, failureThreshold: 3 } as const;
  const probed = { ...CART, containers: CART.containers.map((one) => ({ ...one, liveness })) };

  it('fails with a growing count on one Event, then kills, then the container restarts', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(probed);
    const killing = await advanceUntil(rig.clock, rig.sim.scenario.failLiveness(CART_APP));
    expect(killing.why).toBe('Container app failed liveness probe, will be restarted');
    expect(rig.clock.monotonicMs()).toBe(3_000);
    const involvedObject = { fieldPath: 'spec.containers{app}' };
    expect(eventsOf(rig, 'Unhealthy')).toMatchObject([{ count: 3, involvedObject }]);
    rig.sim.scenario.heal(CART_APP);
    await rig.clock.advance(200);
    expect(shown(rig)).toMatchObject({ restartCount: 1, state: { running: {} } });
  });

  it('kills what stands still for longer than the probe forgives', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(probed);
    rig.sim.scenario.setFrozen(CART_APP, true);
    await rig.clock.advance(2_500);
    expect(rig.sim.happenings.all('killing')).toEqual([]);
    await rig.clock.advance(600);
    expect(rig.sim.happenings.all('killing')).toHaveLength(1);
  });

  it('forgives a stop that is over in time', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(probed);
    rig.sim.scenario.setFrozen(CART_APP, true);
    await rig.clock.advance(2_500);
    rig.sim.scenario.setFrozen(CART_APP, false);
    await rig.clock.advance(60_000);
    expect(rig.sim.happenings.all('killing')).toEqual([]);
  });
});

describe('a pod that is deleted', () => {
  it('is shown as deleting, gets its Killing Event, and is gone', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const gone = rig.sim.scenario.deletePod({ namespace: 'shop', pod: 'cart' });
    const deletionTimestamp = '2026-01-01T00:00:30Z';
    expect(rig.sim.store.get('pods', 'shop', 'cart')).toMatchObject({
      metadata: { deletionTimestamp },
    });
    await advanceUntil(rig.clock, gone);
    expect(eventsOf(rig, 'Killing')).toMatchObject([{ message: 'Stopping container app' }]);
    expect(rig.sim.store.get('pods', 'shop', 'cart')).toBeUndefined();
    expect(rig.sim.model.pods()).toEqual([]);
  });
});

const LAYOUTS: [string, Partial<SimOptions>][] = [
  ['v2, cgroupfs', {}],
  ['v2, systemd', { cgroupDriver: 'systemd' }],
  ['v1, cgroupfs', { cgroupVersion: 1 }],
  ['v1, systemd', { cgroupVersion: 1, cgroupDriver: 'systemd' }],
];

describe.each(LAYOUTS)('cgroup files of %s', (_name, options) => {
  async function open() {
    const rig = await startSim(options);
    rig.sim.scenario.addPod(CART);
    const { containerId } = rig.sim.scenario.running(CART_APP).life;
    const status = await rig.runtime.status(containerId);
    const { cgroupRoot: root, procRoot } = rig.sim.info;
    return { rig, status, cgroups: openCgroups({ root, procRoot }), roots: { root, procRoot } };
  }

  it('are found by the pid and by the path of the spec alike', async () => {
    const { status, cgroups } = await open();
    const byPid = cgroups.locate({ pid: status.pid });
    expect(byPid?.memoryLevels.map(({ level }) => level).slice(0, 2)).toEqual(['container', 'pod']);
    expect(cgroups.locate({ cgroupsPath: status.cgroupsPath })).toEqual(byPid);
    expect(byPid && cgroups.pids(byPid)).toEqual([status.pid]);
  });

  it('tell what a checkpoint would have to write', async () => {
    const { status, cgroups, roots } = await open();
    const found = cgroups.locate({ pid: status.pid });
    expect(found && createNodeProbe(roots).imageBytes(found)).toBe(64 * MIB);
  });

  it('freeze and thaw the container when their freezer file is written', async () => {
    const { rig, status, cgroups } = await open();
    const found = cgroups.locate({ pid: status.pid });
    if (!found) throw new Error('not found');
    const killed = rig.sim.scenario.leak(CART_APP, 10 * MIB);
    cgroups.setFreezer(found, 'frozen');
    await rig.clock.advance(1_000);
    expect(cgroups.freezerState(found)).toBe('frozen');
    const before = rig.sim.scenario.running(CART_APP).life.usedBytes;
    await rig.clock.advance(10_000);
    expect(rig.sim.scenario.running(CART_APP).life.usedBytes).toBe(before);
    cgroups.setFreezer(found, 'thawed');
    await rig.clock.advance(20);
    expect(cgroups.freezerState(found)).toBe('thawed');
    expect(await advanceUntil(rig.clock, killed)).toMatchObject({ reason: 'OOMKilled' });
    expect(cgroups.freezerState(found)).toBeUndefined();
  });

  it('freeze it at once, as a kernel does, without a tick of the sim', async () => {
    const { rig, status, cgroups } = await open();
    const found = cgroups.locate({ pid: status.pid });
    if (!found) throw new Error('not found');
    const frozen = rig.sim.happenings.next('frozen');
    cgroups.setFreezer(found, 'frozen');
    expect(await frozen).toMatchObject({ by: 'cgroup' });
    expect(rig.clock.monotonicMs()).toBe(0);
    expect(cgroups.freezerState(found)).toBe('frozen');
  });
});

describe('a sim that stops', () => {
  it('leaves the checkpoints directory and nothing else', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const dir = join(rig.sim.info.checkpointsDir, '..');
    await rig.sim.stop();
    expect(readdirSync(dir)).toEqual(['checkpoints']);
    expect(rig.clock.waiting()).toBe(0);
  });

  it('keeps its socket in a short place when its directory has a long name, and removes it', async () => {
    const rig = await startSim();
    const dir = join(rig.sim.info.checkpointsDir, 'x'.repeat(100));
    const long = await startSim({ dir });
    const { criSocketPath } = long.sim.info;
    expect(criSocketPath.length).toBeLessThan(100);
    expect(await long.runtime.version()).toMatchObject({ name: 'containerd' });
    await long.sim.stop();
    expect(existsSync(join(criSocketPath, '..'))).toBe(false);
  });

  it('leaves nothing running and no files when its start fails half-way', async () => {
    const rig = await startSim();
    const dir = join(rig.sim.info.checkpointsDir, 'second');
    mkdirSync(join(dir, 'cri.sock'), { recursive: true });
    const { clock } = rig;
    const second = createSim({ dir, clock, random: createRandom(2) });
    await expect(second.start()).rejects.toThrow();
    expect(readdirSync(dir).sort()).toEqual(['checkpoints', 'cri.sock']);
    await expect(fetch(second.api.url)).rejects.toThrow();
  });
});
