/**
 * sim/cgroups: files that look like the cgroup tree (v2 or v1) and /proc of a node. It decides
 * nothing: the model says what is to be seen in them.
 */
import type { CgroupTree, TreeOptions } from './tree.ts';
import { V1Tree } from './v1-tree.ts';
import { V2Tree } from './v2-tree.ts';

export type { CgroupTree } from './tree.ts';

export function createCgroupTree(version: 1 | 2, options: TreeOptions): CgroupTree {
  return version === 2 ? new V2Tree(options) : new V1Tree(options);
}
