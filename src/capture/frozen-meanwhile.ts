import { isStillpointError } from '../base/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';

/**
 * Why a container is not ours to dump, looked at once more right before it is asked for: between the
 * guard's look and the request lie the journal's fsync and the making of a folder, and whoever
 * freezes it in that time would have it thawed by the check after the checkpoint. Undefined: it
 * runs, or cannot be seen.
 */
export function whyFrozenMeanwhile(
  node: Pick<NodeProbe, 'cgroups'> | undefined,
  cgroup: ContainerCgroup | undefined,
): string | undefined {
  if (!node || !cgroup) return undefined;
  try {
    const state = node.cgroups.freezerState(cgroup) ?? 'thawed';
    return state === 'thawed' ? undefined : `freezer ${state} since the guard looked`;
  } catch (error) {
    // As in the guard: what cannot be seen speaks for nothing.
    if (isStillpointError(error)) return undefined;
    throw error;
  }
}
