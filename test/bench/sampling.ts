import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { openCgroups } from '../../src/node/index.ts';
import { createMemorySource, type MemoryWatch } from '../../src/sources/index.ts';
import { type BenchLine, summarise } from './bench.ts';

const RUNS = 5;
const RUN_MS = 4_000;
const LIMIT_BYTES = 256 * 2 ** 20;

/**
 * `containers`, each in a pod of its own. `idle`: far from the limit, sampled calmly. `near`: so
 * close that each look reads memory.stat too, and comes at the alert pace. `resting`: above a share
 * that a rule waits for, and far from the next one: told each 100 ms, memory.stat read each time.
 */
interface Case {
  name: string;
  containers: number;
  state: 'idle' | 'near' | 'resting';
}

const CASES: readonly Case[] = [
  { name: 'no container (the timer alone)', containers: 0, state: 'idle' },
  { name: '250 containers, calm, each 100 ms', containers: 250, state: 'idle' },
  { name: '10 containers, near, each 5 ms', containers: 10, state: 'near' },
  { name: '250 containers, at rest above a share', containers: 250, state: 'resting' },
];

/** Cgroups to sample, and how to take them away again. */
interface Field {
  /** `cgroup v1` or `v2`: the kernel's own files; `plain files` where we may not make cgroups. */
  kind: string;
  root: string;
  watches: readonly MemoryWatch[];
  remove(): void;
}

/** What memory sampling costs, as share of one core, pod and container limits both read. */
export async function* bench(say: (progress: string) => void): AsyncIterable<BenchLine> {
  for (const { name, containers, state } of CASES) {
    const field = makeField(containers, state);
    try {
      const shares: number[] = [];
      for (let run = 1; run <= RUNS; run++) {
        say(`sampling: ${name}, ${field.kind}, run ${run} of ${RUNS}`);
        shares.push(await measure(field));
      }
      const what = {
        bench: 'sampling',
        case: name,
        unit: '% of one core',
        where: 'machine',
      } as const;
      yield summarise(what, shares, { files: field.kind });
    } finally {
      field.remove();
    }
  }
}

async function measure(field: Field): Promise<number> {
  const source = createMemorySource({
    cgroups: openCgroups({ root: field.root }),
    clock: systemClock,
    log: silentLogger,
    emit: () => undefined,
    onStatus: () => undefined,
  });
  await source.start();
  source.watch(field.watches);
  // What is above a share is looked at each 5 ms for a second and a half.
  await systemClock.sleep(2_000);
  const before = process.cpuUsage();
  const startMs = systemClock.monotonicMs();
  await systemClock.sleep(RUN_MS);
  const spent = process.cpuUsage(before);
  const lastedMs = systemClock.monotonicMs() - startMs;
  await source.stop();
  return ((spent.user + spent.system) / 1_000 / lastedMs) * 100;
}

/** Near: so low that an empty cgroup is within ten points of it; resting: above it. */
const ALARM_RATIO = { idle: 0.85, near: 0.05, resting: 0 } as const;

function makeField(containers: number, state: Case['state']): Field {
  const ids = Array.from({ length: containers }, (_, n) => n.toString(16).padStart(64, '0'));
  const alarmRatio = ALARM_RATIO[state];
  return kernelField(ids, alarmRatio) ?? plainField(ids, alarmRatio);
}

interface Plan {
  version: 1 | 2;
  root: string;
  /** The root of the memory hierarchy. */
  base: string;
  ids: readonly string[];
  alarmRatio: number;
}

/** Undefined where we may not make cgroups, or where the memory controller is not there. */
function kernelField(ids: readonly string[], alarmRatio: number): Field | undefined {
  const plan = kernelPlan(ids, alarmRatio);
  if (!plan) return undefined;
  const made: string[] = [];
  const make = (directory: string) => {
    mkdirSync(directory);
    made.push(directory);
    const subtree = join(directory, 'cgroup.subtree_control');
    if (plan.version === 2) writeFileSync(subtree, '+memory');
  };
  const remove = () => {
    for (const directory of made.reverse()) rmdirSync(directory);
  };
  const limitFile = plan.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  try {
    const top = join(plan.base, `stillpoint-bench-${process.pid}`);
    make(top);
    writeFileSync(join(top, limitFile), String(LIMIT_BYTES));
    for (const id of plan.ids) {
      make(podOf(top, id));
      make(join(podOf(top, id), id));
      for (const directory of made.slice(-2)) {
        writeFileSync(join(directory, limitFile), String(LIMIT_BYTES));
      }
    }
    const watches = plan.ids.map((id) => watchOf(plan, podOf(top, id), id));
    return { kind: `cgroup v${plan.version}`, root: plan.root, watches, remove };
  } catch {
    remove();
    return undefined;
  }
}

function kernelPlan(ids: readonly string[], alarmRatio: number): Plan | undefined {
  const root = '/sys/fs/cgroup';
  try {
    const { version } = openCgroups({ root });
    const base = version === 1 ? join(root, 'memory') : root;
    return { version, root, base, ids, alarmRatio };
  } catch {
    return undefined;
  }
}

/** Files that look like cgroup v2, for machines where the kernel's cannot be had. */
function plainField(ids: readonly string[], alarmRatio: number): Field {
  const root = mkdtempSync(join(tmpdir(), 'stillpoint-bench-'));
  writeFileSync(join(root, 'cgroup.controllers'), 'memory\n');
  for (const directory of ids.flatMap((id) => [podOf(root, id), join(podOf(root, id), id)])) {
    mkdirSync(directory);
    writeFileSync(join(directory, 'memory.current'), '1048576\n');
    writeFileSync(join(directory, 'memory.max'), `${LIMIT_BYTES}\n`);
    const stat = Array.from({ length: 60 }, (_, line) => `key_${line} 123456`).join('\n');
    writeFileSync(join(directory, 'memory.stat'), `${stat}\ninactive_file 0\n`);
  }
  const plan: Plan = { version: 2, root, base: root, ids, alarmRatio };
  const watches = ids.map((id) => watchOf(plan, podOf(root, id), id));
  return { kind: 'plain files', root, watches, remove: () => rmSync(root, { recursive: true }) };
}

function podOf(top: string, id: string): string {
  return join(top, `pod${id.slice(-8)}`);
}

function watchOf(plan: Plan, pod: string, id: string): MemoryWatch {
  const directory = join(pod, id);
  return {
    target: {
      namespace: 'bench',
      pod: id.slice(-8),
      podUid: '',
      container: 'app',
      containerId: id,
    },
    cgroup: {
      version: plan.version,
      memoryLevels: [
        { level: 'container', directory },
        { level: 'pod', directory: pod },
      ],
      freezerDirectory: directory,
    },
    alarmRatio: plan.alarmRatio,
    crossings: [{ ratio: plan.alarmRatio }, { ratio: 0.95 }],
  };
}
