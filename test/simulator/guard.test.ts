import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removeImages } from '../../src/archive/index.ts';
import { createRandom, type Random, silentLogger } from '../../src/base/index.ts';
import {
  archiveName,
  type Backend,
  createContainerdBackend,
  createLeftoverImages,
  type DumpOrder,
  imagesFolder,
  imagesFolderOf,
} from '../../src/capture/index.ts';
import { createRuntimeClient } from '../../src/cri/index.ts';
import { createGuardLease } from '../../src/lease/index.ts';
import { createNodeProbe } from '../../src/node/index.ts';
import { type CheckpointFault, createSim, type Sim } from '../../src/sim/index.ts';
import { createDrivenClock, type DrivenClock } from '../agent/support/driven-clock.ts';
import { beginGuard, guardSocketIn } from './guard-life.ts';
import { openLine } from './line.ts';
import { mortalClock, mortalNode } from './mortal.ts';

/** STILLPOINT_SEEDS=n runs so many; STILLPOINT_SEED=n runs that one alone. */
const { STILLPOINT_SEED, STILLPOINT_SEEDS } = process.env;
const COUNT = Number(STILLPOINT_SEEDS ?? (STILLPOINT_SEED === undefined ? 12 : 1));
const SEEDS = Array.from({ length: COUNT }, (_, n) => n + Number(STILLPOINT_SEED ?? 1));

const APP = { namespace: 'shop', pod: 'cart', container: 'app' };
const log = silentLogger;
/** The agent's silence, and the thaw; no act of CRIU's is in it. */
const THAW_MS_MAX = 1_500;
/** {PAUSED, thawed} must have been so for two seconds before it is cured. */
const CURED_MS_MAX = 5_000;

interface Agent {
  capture(): Promise<unknown>;
  kill(): void;
  hang(): void;
}

/** As much of an agent as freezes: lease, runtime client and backend, to be killed or hung. */
async function beginAgent(dir: string, sim: Sim, clock: DrivenClock, random: Random) {
  const at = (name: string) => join(dir, name);
  const lines = await Promise.all([
    openLine({ path: sim.info.criSocketPath }, () => false, at('a-cri.sock')),
    openLine({ path: guardSocketIn(dir) }, () => false, at('a-guard.sock')),
  ]);
  const { cgroupRoot, procRoot, checkpointsDir } = sim.info;
  const mortal = mortalClock(clock);
  const machine = mortalNode(createNodeProbe({ root: cgroupRoot, procRoot }));
  const shared = { clock: mortal.given, log };
  const runtime = createRuntimeClient({ socket: at('a-cri.sock'), ...shared });
  const lease = createGuardLease({ socket: at('a-guard.sock'), random, ...shared });
  while (lease.status().state !== 'live') await clock.sleep(20);
  const directory = { checkpointsDirectory: checkpointsDir };
  const backend = createContainerdBackend({
    ...{ runtime, lease, node: machine.given, ...shared, ...directory },
    leftovers: createLeftoverImages({ ...shared, remove: removeImages }),
  });
  const die = () => {
    mortal.kill();
    machine.kill();
  };
  const agent: Agent = {
    capture: () => capture(sim, backend, runtime, machine.given),
    kill() {
      die();
      for (const line of lines) line.cut();
    },
    hang() {
      die();
      for (const line of lines) line.mute();
    },
  };
  const end = async () => {
    agent.kill();
    await lease.stop();
    runtime.close();
  };
  return { agent, end };
}

async function capture(
  { info, scenario }: Sim,
  backend: Backend,
  runtime: ReturnType<typeof createRuntimeClient>,
  node: ReturnType<typeof createNodeProbe>,
): Promise<unknown> {
  const { life, pod } = scenario.running(APP);
  const target = { ...APP, podUid: pod.uid, containerId: life.containerId };
  const archivePath = join(info.checkpointsDir, archiveName(target, Date.UTC(2026, 0, 1)));
  const dump: DumpOrder = {
    ...{ sequence: 'race', sequenceReason: 'the simulator', consistency: 'frozen' },
    options: { tcpEstablished: false, fileLocks: false, externalUnixSockets: false },
    imagesDirectory: imagesFolder(imagesFolderOf(info.checkpointsDir, archivePath)).checkpoint,
    status: await runtime.status(life.containerId),
    cgroup: node.cgroups.locate({ pid: life.pid }),
    freezeMsMax: 60_000,
  };
  return backend.checkpoint({ target, archivePath, timeoutMs: 60_000, dump }, never);
}

const never = new AbortController().signal;

function faultBy(random: Random): CheckpointFault | undefined {
  const faults: (CheckpointFault | undefined)[] = [
    undefined,
    undefined,
    undefined,
    { kind: 'slow', factor: 3 },
    { kind: 'criuKilled', while: 'traced' },
    { kind: 'criuKilled', while: 'frozen' },
    { kind: 'slowPause', ms: 200 },
  ];
  return faults[random.integer(0, faults.length - 1)];
}

/** An agent that dies or hangs in the middle of a race; returns what was broken. */
async function live(seed: number): Promise<string[]> {
  const random = createRandom(seed);
  const clock = createDrivenClock();
  const dir = mkdtempSync(join(tmpdir(), `sp-g${seed}-`));
  const cgroupVersion = seed % 2 === 0 ? 2 : 1;
  const sim = createSim({
    dir: join(dir, 'n'),
    clock,
    random: createRandom(seed + 1),
    cgroupVersion,
  });
  await sim.start();
  sim.scenario.addPod({ namespace: 'shop', name: 'cart', containers: [{ name: 'app' }] });
  const guard = await beginGuard({ dir, sim, clock, log, isRuntimeAway: () => false });
  const { agent, end } = await beginAgent(dir, sim, clock, random);
  try {
    const fault = faultBy(random);
    if (fault) sim.faults.set(fault, { times: 1 });
    const frozen = sim.happenings.next('frozen');
    // What becomes of it is told to nobody: its agent is dead.
    agent.capture().catch(() => undefined);
    await frozen;
    await clock.sleep(random.integer(0, 400));
    const how = random.integer(0, 1) === 0 ? 'kill' : 'hang';
    agent[how]();
    const stuck = await untilRuns(sim, clock, fault?.kind === 'criuKilled');
    return stuck === undefined
      ? []
      : [`seed ${seed}, v${cgroupVersion}, ${how}, ${fault?.kind}: ${stuck}`];
  } finally {
    await end();
    guard.kill();
    await sim.stop();
    await clock.halt();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How it stands still for too long; undefined once it has run for a while, and stays so. */
async function untilRuns(
  sim: Sim,
  clock: DrivenClock,
  isCrippled: boolean,
): Promise<string | undefined> {
  let stillMs = 0;
  let runsMs = 0;
  while (runsMs < 2_000) {
    await clock.sleep(20);
    const { cgroupFrozen, shimPaused, traced, checkpointing } = sim.scenario.running(APP).life;
    const stands = cgroupFrozen || shimPaused || traced;
    runsMs = stands ? 0 : runsMs + 20;
    if (stands && !checkpointing) stillMs += 20;
    if (stillMs > (isCrippled ? CURED_MS_MAX : THAW_MS_MAX)) {
      return `still ${JSON.stringify({ cgroupFrozen, shimPaused, traced })} after ${stillMs} ms`;
    }
  }
  return undefined;
}

describe('an agent that dies or hangs while a container stands still because of it', () => {
  it.each(SEEDS)('leaves it to the guard, which lets it run, under seed %d', async (seed) => {
    expect(await live(seed)).toEqual([]);
  });
});
