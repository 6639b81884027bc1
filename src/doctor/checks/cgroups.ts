import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { isStillpointError } from '../../base/index.ts';
import type { ContainerCgroup, FreezerState, NodeProbe } from '../../node/index.ts';
import { type Answer, answerOf, defineCheck, type Trouble, troubleOf } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

export interface CgroupFacts {
  tree: { kind: 'none'; error: Trouble } | { kind: 'found'; version: 1 | 2 };
  root: string;
  driver?: string;
  /** One running container, looked for as a capture would. */
  container: Answer<SeenContainer | undefined>;
}

export interface SeenContainer {
  name: string;
  located: boolean;
  freezer?: FreezerState;
  /** Whether its freezer could be written, to thaw it. */
  writable?: boolean;
}

/** Whether containers are found in the cgroup tree, and their freezers can be seen and thawed. */
export const cgroupCheck = defineCheck('cgroups', askCgroups, judgeCgroups);

async function askCgroups(outside: Outside): Promise<CgroupFacts> {
  const root = outside.config.cgroupRoot;
  let probe: NodeProbe;
  try {
    probe = outside.probe();
  } catch (error) {
    const tree = { kind: 'none', error: troubleOf(error) } as const;
    return { tree, root, container: { ok: true, value: undefined } };
  }
  const [config, container] = await Promise.all([
    answerOf(outside.kubeletConfig()),
    answerOf(lookAtContainer(outside, probe)),
  ]);
  return {
    tree: { kind: 'found', version: probe.cgroups.version },
    root,
    driver: config.ok ? config.value.cgroupDriver : undefined,
    container,
  };
}

async function lookAtContainer(
  { runtime }: Outside,
  { cgroups }: NodeProbe,
): Promise<SeenContainer | undefined> {
  for (const { id, namespace, pod, name } of await runtime.listRunning()) {
    const shown = `${namespace}/${pod}/${name}`;
    try {
      const { pid, cgroupsPath } = await runtime.status(id);
      const cgroup = cgroups.locate({ pid, cgroupsPath });
      if (!cgroup) return { name: shown, located: false };
      const freezer = cgroups.freezerState(cgroup);
      return { name: shown, located: true, freezer, writable: isWritable(cgroup) };
    } catch (error) {
      // It ended meanwhile: the next one is as good.
      if (!isStillpointError(error, 'not-found')) throw error;
    }
  }
  return undefined;
}

function isWritable({ version, freezerDirectory }: ContainerCgroup): boolean {
  const file = version === 1 ? 'freezer.state' : 'cgroup.freeze';
  try {
    accessSync(join(freezerDirectory, file), constants.W_OK);
    return true;
  } catch {
    // For whatever reason: it is what was asked.
    return false;
  }
}

export function judgeCgroups({ tree, root, driver, container }: CgroupFacts): Finding[] {
  if (tree.kind === 'none') {
    const next = "Mount the node's /sys/fs/cgroup there, or set cgroupRoot.";
    return [fail('no-cgroups', tree.error.message, next)];
  }
  const summary = `v${tree.version}${driver === undefined ? '' : `, driver ${driver}`}`;
  if (!container.ok) {
    if (container.error.code !== 'unsupported') {
      return [skipped('runtime-silent', `${summary}; ${container.error.message}`)];
    }
    return [
      fail('proc-unreadable', container.error.message, 'Run as root, with hostPID in a pod.'),
    ];
  }
  const seen = container.value;
  if (!seen) return [ok(`${summary}; no container runs that could be looked at`)];
  if (!seen.located) {
    const what = `${summary}; ${seen.name} is not found below ${root}`;
    const next = "Mount the node's whole /sys/fs/cgroup, and set hostPID: true on the pod.";
    return [fail('not-located', what, next)];
  }
  if (seen.freezer === undefined) {
    const what = `${summary}; the freezer of ${seen.name} cannot be read`;
    return [warn('freezer-unreadable', what, 'Mount the freezer hierarchy of the node, too.')];
  }
  if (seen.writable === false) {
    const what = `${summary}; the freezer of ${seen.name} cannot be written`;
    const next =
      'Mount /sys/fs/cgroup writable: what a crash left standing still is let go through it.';
    return [warn('freezer-read-only', what, next)];
  }
  return [ok(`${summary}; ${seen.name} is found, ${seen.freezer}`)];
}
