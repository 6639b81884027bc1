import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from 'nats';
import { systemClock } from '../../src/base/index.ts';
import { isInsideLab } from '../lab/layout.ts';
import { awaitRunning, labInfo, nodeOf, pathOnMachine, waitFor } from '../lab/lib/index.ts';
import { agentStatus, installAnew } from '../lab/rig/installed.ts';
import { type BenchLine, summarise } from './bench.ts';
import { benchInLab } from './lab.ts';
import { type AgentPod, openAgentPod } from './soak/agent-pod.ts';
import { runBeats } from './soak/beats.ts';
import type { Usage } from './soak/container.ts';
import { mixedLoad, startIdlePods } from './soak/load.ts';
import { forgetImagePages } from './soak/page-cache.ts';
import { alertsToken, alertsTokenFile, soakSettings } from './soak/settings.ts';

const IDLE_MINUTES_MAX = 5;
const IDLE_PODS = 20;
const SAMPLE_EVERY_MS = 10_000;
/** As often as Prometheus asks by default in many clusters. */
const SCRAPE_EVERY_MS = 30_000;
const node = () => nodeOf(labInfo());

/** Signals that must each have led to captures; a `tick` is the schedule's, `podChanged` a crash. */
const KINDS = ['memory', 'event', 'podChanged', 'alert', 'tick'];

/**
 * Memory and CPU of the agent's pod as it is installed: first idle, then under mixed load for
 * `--minutes` (60). Brings its own lab up and takes it down.
 */
export async function* bench(
  say: (progress: string) => void,
  args: readonly string[],
): AsyncIterable<BenchLine> {
  const minutes = minutesFrom(args);
  if (!isInsideLab()) return benchInLab('soak', args, { full: true });
  say('soak: installing');
  writeAlertsToken();
  await forgetImagePages(node());
  await installAnew(soakSettings());
  const names = await startIdlePods(IDLE_PODS);
  const containerIds: string[] = [];
  for (const name of names) containerIds.push((await awaitRunning(name)).id.slice(0, 12));
  const agent = await openAgentPod(node());
  const versions = await versionsOf(agent);
  const measured = (phase: string) => new Report(phase, versions);

  const idleMinutes = Math.min(IDLE_MINUTES_MAX, minutes);
  say(`soak: idle for ${idleMinutes} min, ${IDLE_PODS} pods`);
  yield* measured(`idle, ${IDLE_PODS} pods`).usage(await sampleFor(idleMinutes, agent, say));

  say(`soak: mixed load for ${minutes} min`);
  const nats = await connect({ servers: labInfo().nats.url });
  const load = mixedLoad({ containerIds, nats, agentUrl: agent.httpUrl });
  const [samples, beats] = await Promise.all([
    sampleFor(minutes, agent, say),
    runBeats(load, minutes * 60, say),
  ]);
  await nats.drain();
  const underLoad = measured(`mixed load, ${minutes} min`);
  yield* underLoad.usage(samples);
  yield underLoad.one('acts of the load that failed', 'acts', beats.failed);
  const metrics = await capturesEnded(agent);
  yield* underLoad.counts(metrics);
  assertAllKindsCaptured(metrics);
}

function minutesFrom(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string', default: '60' } },
  });
  const minutes = Number(values.minutes);
  if (Number.isInteger(minutes) && minutes >= 1) return minutes;
  throw new Error(`--minutes is a whole number from 1, not "${values.minutes}"`);
}

/** Where the agent's pod mounts the same directory of the node. */
function writeAlertsToken(): void {
  const file = pathOnMachine(node(), alertsTokenFile);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, alertsToken, { mode: 0o600 });
}

async function versionsOf(agent: AgentPod): Promise<Record<string, string>> {
  const { versions, cgroup } = labInfo();
  const build = [...(await agent.metrics()).keys()].find((key) => key.includes('build_info'));
  return {
    ...versions,
    agentNode: /node_version="([^"]*)"/.exec(build ?? '')?.[1] ?? '',
    agentEnvironment: agent.environment,
    cgroup: `v${cgroup.version}`,
  };
}

/** Looks at the pod each 10 s; asks for its metrics as often as a Prometheus would. */
async function sampleFor(
  minutes: number,
  agent: AgentPod,
  say: (progress: string) => void,
): Promise<Usage[]> {
  const samples = [agent.usage()];
  const startedMs = systemClock.monotonicMs();
  const count = (minutes * 60_000) / SAMPLE_EVERY_MS;
  for (let n = 1; n <= count; n++) {
    await systemClock.sleep(startedMs + n * SAMPLE_EVERY_MS - systemClock.monotonicMs());
    await agent.assertSameLife();
    const usage = agent.usage();
    samples.push(usage);
    if ((n * SAMPLE_EVERY_MS) % SCRAPE_EVERY_MS !== 0) continue;
    const metrics = await agent.metrics();
    if ((n * SAMPLE_EVERY_MS) % 60_000 === 0) say(progressOf(n / 6, usage, metrics));
  }
  return samples;
}

function progressOf(minute: number, usage: Usage, metrics: ReadonlyMap<string, number>): string {
  const { usageMiB, workingSetMiB, anonymousMiB, residentMiB, peakMiB } = usage;
  const memory = Object.entries({ usageMiB, workingSetMiB, anonymousMiB, residentMiB, peakMiB })
    .map(([name, mib]) => `${name.replace(/MiB$/, '')} ${mib.toFixed(1)}`)
    .join(', ');
  const archived = sum(metrics, 'stillpoint_archives_verified_total');
  const refused = sum(metrics, 'stillpoint_refusals_total');
  return `soak: minute ${minute}: MiB: ${memory}; ${archived} archived, ${refused} refused`;
}

function sum(metrics: ReadonlyMap<string, number>, name: string): number {
  return [...metrics]
    .filter(([key]) => key.startsWith(name))
    .reduce((total, [, count]) => total + count, 0);
}

/** So that the counts at the end are those of whole captures, verified ones. */
async function capturesEnded(agent: AgentPod): Promise<ReadonlyMap<string, number>> {
  return waitFor('the captures under way to end', async () => {
    const { captures } = await agentStatus(node());
    if (captures.waiting > 0 || captures.running !== undefined) return undefined;
    const metrics = await agent.metrics();
    const captured = sum(metrics, 'stillpoint_captures_total{result="captured"');
    return captured === sum(metrics, 'stillpoint_archives_verified_total') ? metrics : undefined;
  });
}

function assertAllKindsCaptured(metrics: ReadonlyMap<string, number>): void {
  const without = KINDS.filter(
    (kind) => !metrics.has(`stillpoint_reaction_seconds_count{kind="${kind}"}`),
  );
  if (without.length > 0) throw new Error(`no capture was made for: ${without.join(', ')}`);
}

/** The lines of one phase. */
class Report {
  private readonly phase: string;
  private readonly versions: Record<string, string>;

  constructor(phase: string, versions: Record<string, string>) {
    this.phase = phase;
    this.versions = versions;
  }

  one(name: string, unit: string, value: number): BenchLine {
    return this.line(name, unit, [value]);
  }

  *usage(samples: readonly Usage[]): Iterable<BenchLine> {
    const shares = samples.slice(1).map((each, n) => share(samples[n] ?? each, each));
    yield this.line('CPU, each 10 s', '% of one core', shares);
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) return;
    yield this.one('CPU, the whole time', '% of one core', share(first, last));
    const memory = [
      ['usageMiB', 'memory charged'],
      ['workingSetMiB', 'working set'],
      ['anonymousMiB', 'anonymous memory'],
      ['residentMiB', 'resident set of the process'],
      ['podWorkingSetMiB', 'working set of the whole pod'],
    ] as const;
    for (const [key, name] of memory) {
      yield this.line(
        name,
        'MiB',
        samples.map((each) => each[key]),
      );
      yield this.one(`${name}, at the end`, 'MiB', last[key]);
    }
    yield this.one('most memory ever charged', 'MiB', last.peakMiB);
    yield this.one('most that was ever resident', 'MiB', last.residentPeakMiB);
  }

  /** What the agent itself has counted, by reason. */
  *counts(metrics: ReadonlyMap<string, number>): Iterable<BenchLine> {
    const wanted =
      /^stillpoint_((captures|refusals|capture_failures|archives_verified|retention_removed|thaw_stuck|signals|decisions|dropped)_total|reaction_seconds_count)/;
    for (const [key, count] of metrics) {
      if (wanted.test(key)) yield this.one(key, 'count', count);
    }
  }

  private line(name: string, unit: string, samples: readonly number[]): BenchLine {
    const what = { bench: 'soak', case: `${this.phase}: ${name}`, unit, where: 'lab' } as const;
    return summarise(what, samples, this.versions);
  }
}

/** Of one core, in percent. */
function share(from: Usage, to: Usage): number {
  return ((to.cpuMs - from.cpuMs) / Math.max(1, to.atMs - from.atMs)) * 100;
}
