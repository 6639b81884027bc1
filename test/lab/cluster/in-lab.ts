import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { type RunOptions, type RunResult, run } from '../base/run.ts';
import { labEnvironment, netnsPath } from '../layout.ts';
import { mountArguments } from './daemons.ts';

/*
 * nsenter, and not "ip netns exec": the latter mounts a new /sys, in which no cgroup is to be
 * seen. From inside the namespace it enters where it already is, which does no harm.
 */

/** Runs a program in the lab's network namespace, with the lab's tools first on its path. */
export function inLab(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run('nsenter', [`--net=${netnsPath}`, command, ...args], {
    ...options,
    env: { ...labEnvironment(), ...options.env },
  });
}

/** Starts a program in the lab's network namespace; its pid is the child's. */
export function startInLab(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return spawn('nsenter', [`--net=${netnsPath}`, command, ...args], {
    ...options,
    env: { ...labEnvironment(), ...options.env },
  });
}

/** Runs a program as `inLab` does, and where the node has own paths, among these. */
export function inNode(
  node: string,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return inLab('nsenter', [...mountArguments(node), command, ...args], options);
}
