import {
  type Cgroups,
  createMemoryFiles,
  type MemoryFiles,
  workingSetBytes,
} from '../../node/index.ts';
import type { PodMemory } from '../../signal/index.ts';
import type { PodContainer } from './watch.ts';

/** The memory files of one container and of its pod, open while memory is low. */
interface Opened {
  container: MemoryFiles;
  /** Absent where the pod has no cgroup of its own. */
  pod?: MemoryFiles;
}

/** Measures pods: working sets, as the kubelet ranks by them. */
export interface PodFiles {
  /** In the order of the containers; what cannot be read, or is gone, is left out. */
  measure(containers: readonly PodContainer[]): PodMemory[];
  /** Lets go of all files; the next measuring opens them again. */
  close(): void;
  /** Reads that failed though the cgroup is there; grows only. */
  failed(): number;
}

export function createPodFiles(cgroups: Cgroups): PodFiles {
  const opened = new Map<string, Opened>();
  let failures = 0;
  const close = (id: string) => {
    const files = opened.get(id);
    files?.container.close();
    files?.pod?.close();
    opened.delete(id);
  };
  const workingSet = (files: MemoryFiles): number | undefined => {
    const used = workingSetBytes(files);
    if (typeof used === 'number') return used;
    if (used !== 'gone') failures++;
    return undefined;
  };
  const open = ({ target, cgroup }: PodContainer): Opened | undefined => {
    const known = opened.get(target.containerId);
    if (known) return known;
    const made = openFiles(cgroups, cgroup);
    if (made) opened.set(target.containerId, made);
    return made;
  };
  return {
    measure(containers) {
      const pods = new Map<string, Measured>();
      for (const one of containers) {
        const { podUid, container, containerId } = one.target;
        const files = open(one);
        const usedBytes = files && workingSet(files.container);
        if (!files || usedBytes === undefined) {
          close(containerId);
          continue;
        }
        const pod = pods.get(podUid) ?? {
          ofPod: files.pod && workingSet(files.pod),
          containers: [],
        };
        pods.set(podUid, pod);
        pod.containers.push({ container, containerId, usedBytes });
      }
      const ids = new Set(containers.map(({ target }) => target.containerId));
      for (const id of [...opened.keys()]) if (!ids.has(id)) close(id);
      return [...pods].map(([podUid, pod]) => podMemory(podUid, pod));
    },
    close() {
      for (const id of [...opened.keys()]) close(id);
    },
    failed: () => failures,
  };
}

interface Measured {
  ofPod?: number;
  containers: PodMemory['containers'][number][];
}

function podMemory(podUid: string, { ofPod, containers }: Measured): PodMemory {
  const sum = containers.reduce((total, { usedBytes }) => total + usedBytes, 0);
  return { podUid, usedBytes: ofPod ?? sum, containers };
}

/** Undefined when the container has ended, or its cgroup is not found yet. */
function openFiles(cgroups: Cgroups, hints: PodContainer['cgroup']): Opened | undefined {
  const found = locate(cgroups, hints);
  // With crun there are two of the container; the outer one holds all of it.
  const own = found?.memoryLevels.findLast(({ level }) => level === 'container');
  if (!found || !own) return undefined;
  const pod = found.memoryLevels.find(({ level }) => level === 'pod');
  return {
    container: createMemoryFiles(found.version, own.directory),
    ...(pod && { pod: createMemoryFiles(found.version, pod.directory) }),
  };
}

/** A container that cannot be looked for is not measured: who reads /proc tells of it elsewhere. */
function locate(cgroups: Cgroups, hints: PodContainer['cgroup']) {
  try {
    return cgroups.locate(hints);
  } catch {
    return undefined;
  }
}
