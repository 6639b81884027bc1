import { isStillpointError } from '../base/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/** What can be seen of a tracer. */
export interface TracerProbe extends Pick<NodeProbe, 'tracerPid'> {
  readonly cgroups: Pick<NodeProbe['cgroups'], 'pids'>;
}

/** A tracer holds the first process of a container, whoever it is; no need to ask thousands. */
const TRACED_PIDS_MAX = 32;

/**
 * Whether somebody traces a process of the container: while CRIU dumps, all of them are. Errors:
 * those of the cgroup's files.
 */
export function isTraced(node: TracerProbe, cgroup: ContainerCgroup): boolean {
  const pids = node.cgroups.pids(cgroup).slice(0, TRACED_PIDS_MAX);
  return pids.some((pid) => (node.tracerPid(pid) ?? 0) !== 0);
}

/** As isTraced; undefined where the files cannot be read. */
export function seenTraced(node: TracerProbe, cgroup: ContainerCgroup): boolean | undefined {
  try {
    return isTraced(node, cgroup);
  } catch (error) {
    if (isStillpointError(error)) return undefined;
    throw error;
  }
}
