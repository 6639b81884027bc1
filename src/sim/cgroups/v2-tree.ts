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

const PRESSURE = ['some', 'full']
  .map((kind) => `${kind} avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`)
  .join('');

/** cgroup v2: one hierarchy. */
export class V2Tree implements CgroupTree {
  readonly #options: TreeOptions;
  readonly #oomKills = new Map<SimPod, number>();

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  prepare(): void {
    writeFiles(this.#options.root, {
      'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n',
      'cgroup.subtree_control': 'cpuset cpu io memory hugetlb pids rdma misc\n',
      'cgroup.procs': '',
    });
  }

  addPod(pod: SimPod): void {
    const names = cgroupNames(this.#options.driver, pod);
    for (const path of [names.kubepods, names.qos]) {
      writeFiles(this.#at(path), { ...groupFiles('', undefined), ...memoryFiles(0, 0) });
    }
    const counts = memoryEvents(this.#oomKills.get(pod) ?? 0);
    writeFiles(this.#at(names.pod), {
      ...groupFiles('', podLimitBytes(pod)),
      ...memoryFiles(podUsedBytes(pod), 0),
      'memory.events': counts,
    });
  }

  removePod(pod: SimPod): void {
    this.#oomKills.delete(pod);
    const { pod: path } = cgroupNames(this.#options.driver, pod);
    rmSync(this.#at(path), { recursive: true, force: true });
  }

  addLife(pod: SimPod, container: SimContainer, life: Life): void {
    writeFiles(this.#directory(pod, life), {
      ...groupFiles(`${life.pid}\n`, container.spec.memoryLimitBytes),
      ...memoryFiles(life.usedBytes, life.cacheBytes),
      'memory.oom.group': '1\n',
    });
    this.writeFreezer(pod, container, life);
    this.writeMemory(pod, container, life);
  }

  removeLife(pod: SimPod, life: Life): void {
    rmSync(this.#directory(pod, life), { recursive: true, force: true });
    rmSync(`${this.#options.procRoot}/${life.pid}`, { recursive: true, force: true });
  }

  writeMemory(pod: SimPod, _container: SimContainer, life: Life): void {
    writeFiles(this.#directory(pod, life), memoryFiles(life.usedBytes, life.cacheBytes));
    const { pod: path } = cgroupNames(this.#options.driver, pod);
    writeFiles(this.#at(path), memoryFiles(podUsedBytes(pod), podCacheBytes(pod)));
  }

  writeFreezer(pod: SimPod, container: SimContainer, life: Life): void {
    const frozen = life.cgroupFrozen ? 1 : 0;
    writeFiles(this.#directory(pod, life), {
      'cgroup.freeze': `${frozen}\n`,
      'cgroup.events': `populated 1\nfrozen ${frozen}\n`,
    });
    const { container: path } = cgroupNames(this.#options.driver, pod, life);
    writeProcess(this.#options.procRoot, life.pid, {
      cgroupLines: [`0::${path}`],
      name: container.spec.name,
      tracerPid: life.traced ? CRIU_PID : 0,
    });
  }

  freezeAsked(pod: SimPod, life: Life): boolean | undefined {
    const text = readText(`${this.#directory(pod, life)}/cgroup.freeze`);
    if (text === undefined || !/^[01]/.test(text)) return undefined;
    return text.startsWith('1');
  }

  watchFreezer(pod: SimPod, life: Life, onWritten: () => void): Cancel {
    return watchFile(`${this.#directory(pod, life)}/cgroup.freeze`, onWritten);
  }

  countOomKill(pod: SimPod): void {
    const kills = (this.#oomKills.get(pod) ?? 0) + 1;
    this.#oomKills.set(pod, kills);
    const { pod: path } = cgroupNames(this.#options.driver, pod);
    writeInPlace(`${this.#at(path)}/memory.events`, memoryEvents(kills));
  }

  cgroupsPath(pod: SimPod, life: Life): string {
    return cgroupNames(this.#options.driver, pod, life).cgroupsPath;
  }

  #at(path: string): string {
    return `${this.#options.root}${path}`;
  }

  #directory(pod: SimPod, life: Life): string {
    return this.#at(cgroupNames(this.#options.driver, pod, life).container);
  }
}

/** Files that stay as they are while a cgroup lives. */
function groupFiles(processes: string, limitBytes: number | undefined): Record<string, string> {
  return {
    'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma\n',
    'cgroup.procs': processes,
    'cgroup.freeze': '0\n',
    'cgroup.events': `populated ${processes === '' ? 0 : 1}\nfrozen 0\n`,
    'memory.max': `${limitBytes ?? 'max'}\n`,
    'memory.high': 'max\n',
    'memory.min': '0\n',
    'memory.low': '0\n',
    'memory.swap.current': '0\n',
    'memory.swap.max': 'max\n',
    'memory.pressure': PRESSURE,
    'memory.events': memoryEvents(0),
    'memory.events.local': memoryEvents(0),
    'memory.oom.group': '0\n',
  };
}

function memoryFiles(usedBytes: number, cacheBytes: number): Record<string, string> {
  const anonymous = Math.round(usedBytes);
  const cache = Math.round(cacheBytes);
  const fields: [string, number][] = [
    ['anon', anonymous],
    ['file', cache],
    ['kernel', 0],
    ['kernel_stack', 0],
    ['pagetables', 0],
    ['sock', 0],
    ['shmem', 0],
    ['inactive_anon', anonymous],
    ['active_anon', 0],
    ['inactive_file', cache],
    ['active_file', 0],
    ['unevictable', 0],
    ['slab', 0],
  ];
  return {
    'memory.current': `${anonymous + cache}\n`,
    'memory.stat': fields.map(([name, bytes]) => `${name} ${bytes}\n`).join(''),
  };
}

/** In a pod of one container the pod's own cgroup is full first and counts `max` and `oom`. */
function memoryEvents(oomKills: number): string {
  const counts = { low: 0, high: 0, max: oomKills * 29, oom: oomKills, oom_kill: oomKills };
  const lines = Object.entries({ ...counts, oom_group_kill: oomKills });
  return lines.map(([name, count]) => `${name} ${count}\n`).join('');
}
