import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listDirectory } from '../../src/archive/index.ts';
import { MIB } from '../agent/support/node.ts';
import { createCheckers } from './checkers.ts';
import { act, addPod, comeBack, note, thawAgain } from './deeds.ts';
import { createWorld, type World } from './world.ts';

/** STILLPOINT_SEEDS=n runs so many; STILLPOINT_SEED=n begins with that one, and runs it alone. */
const { STILLPOINT_SEED, STILLPOINT_SEEDS } = process.env;
const COUNT = Number(STILLPOINT_SEEDS ?? (STILLPOINT_SEED === undefined ? 4 : 1));
const SEEDS = Array.from({ length: COUNT }, (_, n) => n + Number(STILLPOINT_SEED ?? 1));
/** So many run at once in this process, each on a clock of its own. */
const TOGETHER = 4;
const DEEDS = 50;
const QUIET_MS = 30_000;
/** What a given-up capture may still write is waited for that long. */
const LATE_MS = 16 * 60_000;

const strays: unknown[] = [];
const onStray = (error: unknown) => strays.push(error);
beforeAll(() => void process.on('unhandledRejection', onStray));
afterAll(() => void process.off('unhandledRejection', onStray));

/** Lives one seed to its end; returns every promise that was broken. */
async function live(seed: number): Promise<string[]> {
  const world = await createWorld(seed);
  const broken: string[] = [];
  try {
    const checkers = createCheckers(world, (what) => {
      broken.push(`${(world.clock.monotonicMs() / 1_000).toFixed(2)}s ${what}`);
    });
    for (let pods = 0; pods < 3; pods++) addPod(world);
    await world.beginGuard();
    await world.begin();
    for (let deed = 0; deed < DEEDS; deed++) {
      await act(world);
      await world.clock.sleep(world.random.integer(20, 1_200));
    }
    await comeToRest(world);
    for (const checker of checkers) await checker.atTheEnd();
  } finally {
    await world.end();
  }
  if (broken.length === 0) return [];
  const why = `seed ${seed} (STILLPOINT_SEED=${seed} runs it alone)`;
  return [why, ...broken, 'what had happened:', ...world.deeds.slice(-80)];
}

/** No more trouble; the agent ends what it began, and waits for what may come late. */
async function comeToRest(world: World): Promise<void> {
  note(world, 'no more trouble');
  const { sim, clock } = world;
  for (const server of [...world.away]) comeBack(world, server);
  sim.faults.clear();
  for (const pod of sim.model.pods()) {
    for (const { spec } of pod.containers) {
      sim.scenario.heal({ namespace: pod.namespace, pod: pod.name, container: spec.name });
    }
  }
  for (const running of sim.model.running()) {
    thawAgain(world, running);
    // One that stays near its limit is looked at two hundred times a second.
    sim.model.setMemory(running, 4 * MIB);
  }
  world.frozenByOthers.clear();
  const life = world.life();
  world.endRules();
  await clock.sleep(QUIET_MS);
  if (await hasLeftovers(world)) {
    clock.pace(500);
    await clock.sleep(LATE_MS);
    clock.pace(20);
  }
  await life?.stop();
}

/** Whether images lie there, or something that is neither an archive of ours nor somebody's. */
async function hasLeftovers({ config, untouchable }: World): Promise<boolean> {
  const images = join(config.checkpointsDir, '.stillpoint', 'images');
  if (existsSync(images) && readdirSync(images).length > 0) return true;
  const entries = await listDirectory(config.checkpointsDir);
  return entries.some(
    ({ name, standing }) => standing.kind !== 'recorded' && !untouchable.has(name),
  );
}

describe('a node to which anything may happen', () => {
  const groups = Array.from({ length: Math.ceil(SEEDS.length / TOGETHER) }, (_, n) =>
    SEEDS.slice(n * TOGETHER, (n + 1) * TOGETHER),
  );
  it.each(groups.map((seeds) => [seeds.join(', '), seeds] as const))(
    'keeps all promises under seeds %s',
    async (_, seeds) => {
      const broken = await Promise.all(seeds.map(live));
      expect(broken.flat().join('\n')).toBe('');
      expect(strays).toEqual([]);
    },
    180_000,
  );
});
