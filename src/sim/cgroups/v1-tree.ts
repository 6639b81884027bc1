import { rmSync } from 'node:fs';
import type { Cancel } from '../../base/index.ts';
import {
  type Life,
  podCacheBytes,
  podLimitBytes,
  podUsedBytes,
  type SimContainer,
  type SimPod,
} from '../model/index.ts';
import { readText, watchFile, writeFiles, writeInPlace, writeProcess } from './files.ts';
import { cgroupNames } from './paths.ts';
import { type CgroupTree, CRIU_PID, type TreeOptions } from './tree.ts';

/** memory.limit_in_bytes of a cgroup without a limit. */
const UNLIMITED = '9223372036854771712';

/** cgroup v1: a hierarchy for each controller; the sim has `memory` and `freezer`. */
export class V1Tree implements CgroupTree {
  readonly #options: TreeOptions;
  readonly #oomKills = new Map<SimPod, number>();

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  prepare(): void {
    writeFiles(`${this.#options.root}/memory`, memoryFiles(0, 0, undefined, 0));
    writeFiles(`${this.#options.root}/freezer`, { 'cgroup.procs': '' });
  }

  addPod(pod: SimPod): void {
    const names = cgroupNames(this.#options.driver, pod);
    for (const path of [names.kubepods, names.qos]) {
      writeFiles(this.#memory(path), memoryFiles(0, 0, undefined, 0));
      writeFiles(this.#freezer(path), freezerFiles('', 'THAWED'));
    }
    writeFiles(this.#freezer(names.pod), freezerFiles('', 'THAWED'));
    this.#writePod(pod);
  }

  removePod(pod: SimPod): void {
    this.#oomKills.delete(pod);
    const { pod: path } = cgroupNames(this.#options.driver, pod);
    rmSync(this.#memory(path), { recursive: true, force: true });
    rmSync(this.#freezer(path), { recursive: true, force: true });
  }

  addLife(pod: SimPod, container: SimContainer, life: Life): void {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    const processes = `${life.pid}\n`;
    writeFiles(this.#memory(path), { 'cgroup.procs': processes, tasks: processes });
    writeFiles(this.#freezer(path), freezerFiles(processes, 'THAWED'));
    this.writeFreezer(pod, container, life);
    this.writeMemory(pod, container, life);
  }

  removeLife(pod: SimPod, life: Life): void {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    rmSync(this.#memory(path), { recursive: true, force: true });
    rmSync(this.#freezer(path), { recursive: true, force: true });
    rmSync(`${this.#options.procRoot}/${life.pid}`, { recursive: true, force: true });
  }

  writeMemory(pod: SimPod, container: SimContainer, life: Life): void {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    const { memoryLimitBytes } = container.spec;
    writeFiles(
      this.#memory(path),
      memoryFiles(life.usedBytes, life.cacheBytes, memoryLimitBytes, 0),
    );
    this.#writePod(pod);
  }

  writeFreezer(pod: SimPod, container: SimContainer, life: Life): void {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    const state = life.cgroupFrozen ? 'FROZEN' : 'THAWED';
    writeInPlace(`${this.#freezer(path)}/freezer.state`, `${state}\n`);
    writeProcess(this.#options.procRoot, life.pid, {
      cgroupLines: [`7:freezer:${path}`, `5:memory:${path}`, '0::/'],
      name: container.spec.name,
      tracerPid: life.traced ? CRIU_PID : 0,
    });
  }

  freezeAsked(pod: SimPod, life: Life): boolean | undefined {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    const text = readText(`${this.#freezer(path)}/freezer.state`);
    if (text === undefined || text === '') return undefined;
    return text.startsWith('FROZEN');
  }

  watchFreezer(pod: SimPod, life: Life, onWritten: () => void): Cancel {
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    return watchFile(`${this.#freezer(path)}/freezer.state`, onWritten);
  }

  countOomKill(pod: SimPod): void {
    this.#oomKills.set(pod, (this.#oomKills.get(pod) ?? 0) + 1);
    this.#writePod(pod);
  }

  cgroupsPath(pod: SimPod, life: Life): string {
    return cgroupNames(this.#options.driver, pod, life).cgroupsPath;
  }

  #writePod(pod: SimPod): void {
    const { pod: path } = cgroupNames(this.#options.driver, pod);
    const kills = this.#oomKills.get(pod) ?? 0;
    const files = memoryFiles(podUsedBytes(pod), podCacheBytes(pod), podLimitBytes(pod), kills);
    writeFiles(this.#memory(path), files);
  }

  #memory(path: string): string {
    return `${this.#options.root}/memory${path}`;
  }

  #freezer(path: string): string {
    return `${this.#options.root}/freezer${path}`;
  }
}

function freezerFiles(processes: string, state: string): Record<string, string> {
  return {
    'cgroup.procs': processes,
    tasks: processes,
    'freezer.state': `${state}\n`,
    'freezer.self_freezing': '0\n',
    'freezer.parent_freezing': '0\n',
  };
}

function memoryFiles(
  usedBytes: number,
  cacheBytes: number,
  limitBytes: number | undefined,
  oomKills: number,
): Record<string, string> {
  const rss = Math.round(usedBytes);
  const cache = Math.round(cacheBytes);
  const own: [string, number][] = [
    ['cache', cache],
    ['rss', rss],
    ['shmem', 0],
    ['swap', 0],
    ['inactive_anon', 0],
    ['active_anon', rss],
    ['inactive_file', cache],
    ['active_file', 0],
  ];
  const lines = [...own, ...own.map(([name, bytes]) => [`total_${name}`, bytes] as const)];
  return {
    'memory.usage_in_bytes': `${rss + cache}\n`,
    'memory.limit_in_bytes': `${limitBytes ?? UNLIMITED}\n`,
    'memory.max_usage_in_bytes': `${rss + cache}\n`,
    'memory.failcnt': `${oomKills * 29}\n`,
    'memory.oom_control': `oom_kill_disable 0\nunder_oom 0\noom_kill ${oomKills}\n`,
    'memory.stat': lines.map(([name, bytes]) => `${name} ${bytes}\n`).join(''),
  };
}
