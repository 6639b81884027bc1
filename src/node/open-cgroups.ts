import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StillpointError } from '../base/index.ts';
import type { Cgroups, ContainerCgroup } from './cgroup-types.ts';
import { readFreezerState, writeFreezer } from './freezer.ts';
import { type CgroupTree, locateContainer } from './locate.ts';
import { openNodeMemory } from './node-memory.ts';
import { isDirectory, isGone, readSmallFile } from './small-file.ts';

/** Where to look. A simulator gives roots of its own. */
export interface CgroupOptions {
  /** The mounted cgroup tree; default /sys/fs/cgroup. */
  root?: string;
  /** Default /proc; must be the host's for pids to mean anything. */
  procRoot?: string;
  /**
   * Put before the path of a container's spec, in order, until one exists. Default: none, then
   * what a node in a container (kind) has above its pods.
   */
  prefixes?: readonly string[];
}

const DEFAULT_PREFIXES = ['', '/kubelet.slice', '/kubelet'];

/** Bounds of a walk below one container, whose processes may make cgroups of their own. */
const WALK_DEPTH_MAX = 16;
const WALK_DIRECTORIES_MAX = 4096;

/**
 * Opens the cgroup tree of this machine: v2 when the root itself has cgroup.controllers, else v1
 * (also hybrid) with the memory and freezer hierarchies below the root. Throws `unsupported` where
 * there is neither.
 */
export function openCgroups(options: CgroupOptions = {}): Cgroups {
  const tree = detectTree(options);
  return {
    version: tree.version,
    locate: (hints) => locateContainer(tree, hints),
    freezerState: readFreezerState,
    setFreezer: writeFreezer,
    openNodeMemory: () => openNodeMemory(tree.version, tree.memoryRoot, tree.procRoot),
    pids: pidsOf,
  };
}

function detectTree(options: CgroupOptions): CgroupTree {
  const root = resolve(options.root ?? '/sys/fs/cgroup');
  const procRoot = resolve(options.procRoot ?? '/proc');
  const prefixes = options.prefixes ?? DEFAULT_PREFIXES;
  if (existsSync(join(root, 'cgroup.controllers'))) {
    return { version: 2, memoryRoot: root, freezerRoot: root, procRoot, prefixes };
  }
  const memoryRoot = join(root, 'memory');
  const freezerRoot = join(root, 'freezer');
  if (isDirectory(memoryRoot) && isDirectory(freezerRoot)) {
    return { version: 1, memoryRoot, freezerRoot, procRoot, prefixes };
  }
  throw new StillpointError({
    code: 'unsupported',
    message: `no cgroup tree at ${root}: neither cgroup.controllers (v2) nor memory and freezer (v1)`,
    hint: "Mount the node's /sys/fs/cgroup there. Memory rules need Linux.",
  });
}

function pidsOf(cgroup: ContainerCgroup): readonly number[] {
  const pids: number[] = [];
  const waiting = [{ directory: cgroup.freezerDirectory, depth: 0 }];
  let walked = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { directory, depth } = next;
    if (++walked > WALK_DIRECTORIES_MAX || depth > WALK_DEPTH_MAX) break;
    for (const line of (readSmallFile(join(directory, 'cgroup.procs')) ?? '').split('\n')) {
      if (/^[1-9]\d{0,9}$/.test(line)) pids.push(Number(line));
    }
    for (const child of childrenOf(directory)) waiting.push({ directory: child, depth: depth + 1 });
  }
  return pids;
}

function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
