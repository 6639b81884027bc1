import { lstatSync, realpathSync } from 'node:fs';
import { join, normalize, relative } from 'node:path';
import { messageOf } from '../base/index.ts';
import type { PauseIntent } from '../lease/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/** What an intent is checked against. */
export interface CheckTools {
  /** The mounted cgroup tree. */
  cgroupRoot: string;
  /** Absent where there is no cgroup tree. */
  node?: NodeProbe;
}

/**
 * Why an intent names no freezer of that one container; undefined when it does, or names none.
 * Whoever opens the socket is root, so this is against mistakes, not against thieves.
 */
export function whyMisdirected(intent: PauseIntent, tools: CheckTools): string | undefined {
  if (intent.freezerDirectory === undefined) return undefined;
  const { node, cgroupRoot } = tools;
  if (!node) return `there is no cgroup tree at ${cgroupRoot}`;
  if (node.cgroups.version !== intent.cgroupVersion) {
    return `cgroup v${intent.cgroupVersion} is meant, this node has v${node.cgroups.version}`;
  }
  return whyNoFreezer(intent, intent.freezerDirectory, cgroupRoot);
}

/** What stands still before it is paused was stopped by somebody else, who alone may thaw it. */
export function whyFrozenBefore(intent: PauseIntent, tools: CheckTools): string | undefined {
  if (intent.freezerDirectory === undefined) return undefined;
  const cgroup = cgroupOf(intent, intent.freezerDirectory);
  const state = tools.node?.cgroups.freezerState(cgroup) ?? 'gone';
  return state === 'thawed'
    ? undefined
    : `container ${intent.containerId} is ${state} before it was paused by us`;
}

/** The container's cgroup as far as the guard needs it. */
export function cgroupOf(intent: PauseIntent, freezerDirectory: string): ContainerCgroup {
  return { version: intent.cgroupVersion, memoryLevels: [], freezerDirectory };
}

function whyNoFreezer(intent: PauseIntent, directory: string, root: string): string | undefined {
  const below = intent.cgroupVersion === 2 ? root : join(root, 'freezer');
  const inside = relative(below, directory);
  if (normalize(directory) !== directory || inside === '' || inside.startsWith('..')) {
    return `${directory} is no directory below ${below}`;
  }
  if (!inside.includes(intent.containerId)) {
    return `${directory} does not name container ${intent.containerId}`;
  }
  try {
    if (realpathSync(directory) !== join(realpathSync(below), inside)) {
      return `${directory} leads through a link`;
    }
    const file = join(directory, intent.cgroupVersion === 2 ? 'cgroup.freeze' : 'freezer.state');
    return lstatSync(file).isFile() ? undefined : `${file} is no file`;
  } catch (error) {
    return messageOf(error);
  }
}
