import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/** What can be seen of a tracer. */
export interface TracerProbe extends Pick<NodeProbe, 'tracerPid'> {
  readonly cgroups: Pick<NodeProbe['cgroups'], 'pids'>;
}

/** A process of a container, and who traces it: CRIU at work, or a debugger. */
export interface Tracer {
  pid: number;
  tracedBy: number;
}

/** A tracer holds the first process of a container, whoever it is; no need to ask thousands. */
const TRACED_PIDS_MAX = 32;

/** Who traces a process of the container; undefined: nobody. Errors: those of the cgroup's files. */
export function findTracer(node: TracerProbe, cgroup: ContainerCgroup): Tracer | undefined {
  for (const pid of node.cgroups.pids(cgroup).slice(0, TRACED_PIDS_MAX)) {
    const tracedBy = node.tracerPid(pid) ?? 0;
    if (tracedBy !== 0) return { pid, tracedBy };
  }
  return undefined;
}

/** Whether somebody traces it: while CRIU dumps, all of its processes are. Errors: as findTracer. */
export function isTraced(node: TracerProbe, cgroup: ContainerCgroup): boolean {
  return findTracer(node, cgroup) !== undefined;
}
