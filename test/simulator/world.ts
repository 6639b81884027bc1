import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentConfig } from '../../src/agent/index.ts';
import { type Archives, createArchives } from '../../src/archive/index.ts';
import { createRandom, type Random } from '../../src/base/index.ts';
import { createSim, type Sim } from '../../src/sim/index.ts';
import { openStore } from '../../src/store/index.ts';
import { createDrivenClock, type DrivenClock } from '../agent/support/driven-clock.ts';
import { configOf, TOKEN } from '../agent/support/node.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { beginGuard, type GuardLife, guardSocketIn } from './guard-life.ts';
import { beginLife, type Life, type Server } from './life.ts';

export const DENIED = ['kube-system', 'secret'];

/** A simulated node under a seed, and the lives of the agent on it. */
export interface World {
  seed: number;
  dir: string;
  sim: Sim;
  clock: DrivenClock;
  random: Random;
  config: AgentConfig;
  lives: Life[];
  lines: LogLine[];
  /** Starts and stops that did not end. */
  hung: string[];
  /** What was done to the node, for whoever has to understand a failure. */
  deeds: string[];
  /** Files in the checkpoints directory that nobody may touch, by name. */
  untouchable: Set<string>;
  /** Containers that somebody else froze, by id. */
  frozenByOthers: Set<string>;
  /** Servers that are away. */
  away: Set<Server>;
  /** How often one was. */
  outages: number;
  /** The guard process; absent between two lives of it. */
  guard?: GuardLife;
  beginGuard(): Promise<void>;
  begin(): Promise<Life>;
  /** Leaves the retention policies in force, and no rule. */
  endRules(): void;
  life(): Life | undefined;
  end(): Promise<void>;
}

const POLICIES = `
${policy('crash-three', '[crash]', 'keep: { last: 3 }')}---
${policy('newest', '[scheduled]', 'keep: { last: 1 }, limits: { maxCount: 2 }')}
`;
const RULES = `
${rule('leak', 'memory: { above: 80% }', 'cooldown: 20s', 'crash')}---
${rule('boom', 'event: { reason: Boom }', 'cooldown: 5s', 'crash', 'kubelet')}---
${rule('zap', 'event: { reason: Zap, atLeast: 2, within: 1m }', 'cooldown: 5s', 'crash', 'cri')}---
${rule('zip', 'event: { reason: Zip }', 'cooldown: 5s', 'crash', 'containerd')}---
${rule('zoom', 'event: { reason: Zoom }', 'cooldown: 5s', 'crash', 'containerd, sequence: race')}---
${rule('probe', 'event: { reason: Unhealthy }', 'cooldown: 10s', 'crash')}---
${rule('loop', 'crashLoop: { restarts: 2, within: 2m, capture: { after: 400ms } }', 'cooldown: 10s', 'crash')}---
${rule('shell', 'alert: { shape: falco, match: [{ field: rule, glob: "*" }] }', 'cooldown: 10s', 'forensic')}---
${rule('tick', 'schedule: { cron: "*/10 * * * * *", timeZone: UTC }', 'cooldown: 0s', 'scheduled', 'auto', 'podSelector: { matchLabels: { tick: "yes" } }')}---
${POLICIES}`;

function rule(name: string, when: string, limits: string, kept: string, via = 'auto', target = '') {
  return (
    `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: ${name} }\n` +
    `spec: { when: { ${when} }, target: { ${target} }, capture: { via: ${via}, timeout: 8s }, ` +
    `limits: { ${limits} }, retain: { class: ${kept} } }\n`
  );
}

function policy(name: string, classes: string, more: string) {
  return (
    `apiVersion: stillpoint.dev/v1alpha1\nkind: RetentionPolicy\nmetadata: { name: ${name} }\n` +
    `spec: { select: { classes: ${classes} }, groupBy: [pod], cron: "*/15 * * * * *", ${more} }\n`
  );
}

export async function createWorld(seed: number): Promise<World> {
  const dir = mkdtempSync(join(roomyDirectory(), `sp-sim-${seed}-`));
  const clock = createDrivenClock();
  const random = createRandom(seed);
  const sim = createSim({
    dir: join(dir, 'n'),
    clock,
    random: createRandom(seed + 1),
    cgroupVersion: seed % 2 === 0 ? 2 : 1,
    cgroupDriver: seed % 3 === 0 ? 'systemd' : 'cgroupfs',
    backOff: { minMs: 500, maxMs: 5_000 },
    bookmarkMs: 5_000,
    checkpoint: { pagesScale: 256 },
  });
  await sim.start();
  mkdirSync(join(dir, 'rules'));
  writeFileSync(join(dir, 'rules', 'rules.yaml'), RULES);
  writeFileSync(join(dir, 'token'), TOKEN);
  const base = await configOf(dir, sim);
  const config: AgentConfig = {
    ...base,
    socket: join(dir, 'a.sock'),
    limits: { ...base.limits, capturesPerHour: random.integer(8, 60) },
    deny: { namespaces: ['secret'] },
  };
  const untouchable = await placeUntouchables(dir, config, clock);
  const { log, lines } = createRecordingLog();
  const world: World = {
    ...{ seed, dir, sim, clock, random, config, lines, untouchable },
    lives: [],
    hung: [],
    deeds: [],
    frozenByOthers: new Set(),
    away: new Set(),
    outages: 0,
    async beginGuard() {
      const isRuntimeAway = () => world.away.has('runtime');
      world.guard = await beginGuard({ dir, sim, clock, log, isRuntimeAway });
    },
    async begin() {
      const number = world.lives.length;
      const onHung = (what: string) => void world.hung.push(what);
      const isAway = (server: Server) => world.away.has(server);
      const told = { clock, log, isAway, onHung, guardSocket: guardSocketIn(dir) };
      const life = await beginLife({ number, seed, dir, sim, config, ...told });
      world.lives.push(life);
      return life;
    },
    endRules: () => writeFileSync(join(dir, 'rules', 'rules.yaml'), POLICIES),
    life: () => world.lives.at(-1),
    async end() {
      await world.life()?.stop();
      world.guard?.kill();
      await sim.stop();
      await clock.halt();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return world;
}

/** In memory where there is room: a world syncs to disk hundreds of times. */
function roomyDirectory(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 4 * 1024 ** 3 ? memory : tmpdir();
}

/** More of one pod than its policy keeps; the names, oldest first. */
async function placeOurs(archives: Archives): Promise<string[]> {
  const names = [0, 1, 2, 3, 4].map(
    (second) => `checkpoint-cart-7d9f_shop-app-2025-01-01T00:00:0${second}.123Z.tar`,
  );
  const paths = names.map((name) => join(archives.directory, name));
  for (const path of paths) writeFileSync(path, checkpointTar());
  const kept = await archives.keep(captureRequest(paths[0] ?? ''));
  if (kept.kind !== 'kept') throw new Error('an old archive is broken');
  const { record } = kept;
  for (const [index, archive] of names.entries()) {
    const trigger = { ...record.trigger, id: `old-${index}` };
    const createdMs = record.createdMs + index * 1_000;
    await archives.records.write({ ...record, archive, trigger, createdMs });
  }
  return names;
}

/** Other people's files, and an archive of ours that its owner holds. */
async function placeUntouchables(
  dir: string,
  { checkpointsDir }: AgentConfig,
  clock: DrivenClock,
): Promise<Set<string>> {
  const at = (name: string) => join(checkpointsDir, name);
  const store = openStore(':memory:');
  const archives = createArchives({ directory: checkpointsDir, store, clock });
  await archives.start();
  const [held = ''] = await placeOurs(archives);
  const kept = await archives.records.read(held);
  if (kept.kind !== 'sound') throw new Error('the held archive is broken');
  await archives.records.write({ ...kept.record, hold: { reason: 'evidence', by: 'ada' } });
  store.close();
  const precious = join(dir, 'precious.tar');
  writeFileSync(precious, 'precious');
  const link = 'checkpoint-link_shop-app-2025-01-01T00:00:00Z.tar';
  symlinkSync(precious, at(link));
  const junk = 'checkpoint-junk_shop-app-2025-01-01T00:00:00Z.tar';
  writeFileSync(at(junk), 'junk');
  const byHand = 'checkpoint-p0_shop-app-2025-01-01T00:00:00Z.tar';
  writeFileSync(at(byHand), checkpointTar());
  writeFileSync(at('notes.txt'), 'mine');
  return new Set([held, link, junk, byHand, 'notes.txt']);
}
