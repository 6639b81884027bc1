import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { labName } from '../layout.ts';

const mount = '/sys/fs/cgroup';

export function cgroupVersion(): 1 | 2 {
  return existsSync(path.join(mount, 'cgroup.controllers')) ? 2 : 1;
}

/** The root of each hierarchy: one on v2, one for each controller on v1. */
function hierarchies(): string[] {
  if (cgroupVersion() === 2) return [mount];
  return readdirSync(mount, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(mount, entry.name));
}

/** Each kubelet has a root of its own: two on one root remove each other's pods. */
export function nodeCgroup(node: string): string {
  return `/${labName}-${node}`;
}

export function makeNodeCgroups(node: string): void {
  for (const hierarchy of hierarchies()) {
    // The v2 tree of a v1 machine has no controllers; the kubelet does not look at it.
    if (path.basename(hierarchy) === 'unified') continue;
    const root = path.join(hierarchy, nodeCgroup(node));
    mkdirSync(root, { recursive: true });
    // On v1 a new cpuset is empty, and no process may enter it before it has cpus and memory.
    if (path.basename(hierarchy) === 'cpuset') {
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        writeFileSync(path.join(root, file), readFileSync(path.join(hierarchy, file)));
      }
    }
  }
}

/** The lab's own cgroups that exist now; with the systemd driver the pods are in one slice. */
export function labCgroups(): string[] {
  const ours = (name: string) => name.startsWith(`${labName}-node`);
  const found = hierarchies().flatMap((hierarchy) =>
    folders(hierarchy)
      .filter(ours)
      .map((name) => path.join(hierarchy, name)),
  );
  const slice = path.join(mount, 'kubepods.slice');
  return usesSystemdSlice() ? [...found, slice] : found;
}

/**
 * The slice is only taken for the lab's where the lab could have made it: in its own virtual
 * machine. Elsewhere a kubelet that is none of ours may run pods in it.
 */
function usesSystemdSlice(): boolean {
  return process.env.STILLPOINT_LAB_VM === '1' && existsSync(path.join(mount, 'kubepods.slice'));
}

export function processesInCgroups(): Set<number> {
  const pids = new Set<number>();
  for (const cgroup of labCgroups().flatMap(withChildren)) {
    for (const line of lines(path.join(cgroup, 'cgroup.procs'))) pids.add(Number(line));
  }
  return pids;
}

/** A frozen process does not die, on v1 not even by SIGKILL: thaw whatever a test left frozen. */
export function thawCgroups(): void {
  for (const cgroup of labCgroups().flatMap(withChildren)) {
    write(path.join(cgroup, 'freezer.state'), 'THAWED');
    write(path.join(cgroup, 'cgroup.freeze'), '0');
  }
}

/** Removes the lab's cgroups, the innermost first. What is still in use stays, for the report. */
export function removeCgroups(): void {
  for (const cgroup of labCgroups().flatMap(withChildren).reverse()) {
    try {
      rmdirSync(cgroup);
    } catch {
      // Named by the list of leftovers if it is there for good.
    }
  }
}

/** The cgroup and all below it, parents before children. */
function withChildren(cgroup: string): string[] {
  return [cgroup, ...folders(cgroup).flatMap((name) => withChildren(path.join(cgroup, name)))];
}

function folders(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

function write(file: string, text: string): void {
  if (!existsSync(file)) return;
  try {
    writeFileSync(file, text);
  } catch {
    // The root of a hierarchy refuses, and a cgroup may go while we look.
  }
}
