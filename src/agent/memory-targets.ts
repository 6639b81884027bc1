import {
  type Cancel,
  type Clock,
  createQuietLog,
  isStillpointError,
  type Logger,
} from '../base/index.ts';
import type { RuntimeClient } from '../cri/index.ts';
import type { CgroupHints } from '../node/index.ts';
import type { MemoryThreshold, NodeMemoryThresholds } from '../rules/index.ts';
import type { MemorySource, NodeMemorySource, NodeMemoryWatch } from '../sources/index.ts';

export interface MemoryTargetsOptions {
  runtime: Pick<RuntimeClient, 'status'>;
  memory: Pick<MemorySource, 'watch'>;
  nodeMemory?: Pick<NodeMemorySource, 'watch'>;
  clock: Clock;
  log: Logger;
}

/**
 * Tells the memory sources whom to sample: the thresholds come from the rules, where the cgroup of
 * each container lies comes from the runtime, asked once a life.
 */
export interface MemoryTargets {
  update(thresholds: readonly MemoryThreshold[], ofNode?: NodeMemoryThresholds): void;
  stop(): void;
}

const RETRY_MS = 1_000;

export function createMemoryTargets(options: MemoryTargetsOptions): MemoryTargets {
  const { runtime, memory, nodeMemory, clock } = options;
  const quiet = createQuietLog(options.log, clock);
  const hints = new Map<string, CgroupHints>();
  const asking = new Set<string>();
  let wanted: readonly MemoryThreshold[] = [];
  let wantedOfNode: NodeMemoryThresholds | undefined;
  let cancelRetry: Cancel = () => undefined;
  let stopped = false;

  const hand = () => {
    memory.watch(
      wanted.flatMap(({ containerId, ...watch }) => {
        const cgroup = hints.get(containerId);
        return cgroup ? [{ ...watch, cgroup }] : [];
      }),
    );
    nodeMemory?.watch(wantedOfNode && nodeWatchOf(wantedOfNode, hints));
  };

  const ask = async (containerId: string) => {
    asking.add(containerId);
    try {
      const { pid, cgroupsPath } = await runtime.status(containerId);
      hints.set(containerId, { pid, cgroupsPath });
    } catch (error) {
      // A container that died meanwhile is no news; a runtime that is away is asked again.
      if (!isStillpointError(error, 'not-found')) {
        const kind = isStillpointError(error) ? error.code : 'internal';
        quiet.warn('memory-target-unknown', kind, { containerId, error });
        cancelRetry();
        cancelRetry = clock.after(RETRY_MS, () => update(wanted, wantedOfNode));
      }
    } finally {
      asking.delete(containerId);
    }
  };

  const update: MemoryTargets['update'] = (thresholds, ofNode) => {
    if (stopped) return;
    wanted = thresholds;
    wantedOfNode = ofNode;
    const ids = new Set(
      [...thresholds, ...(ofNode?.targets ?? [])].map(({ containerId }) => containerId),
    );
    for (const known of [...hints.keys()]) if (!ids.has(known)) hints.delete(known);
    const missing = [...ids].filter((id) => !hints.has(id) && !asking.has(id));
    hand();
    for (const id of missing) {
      void ask(id).then(() => {
        if (!stopped) hand();
      });
    }
  };

  return {
    update,
    stop() {
      stopped = true;
      cancelRetry();
    },
  };
}

function nodeWatchOf(
  { targets, ...amounts }: NodeMemoryThresholds,
  hints: ReadonlyMap<string, CgroupHints>,
): NodeMemoryWatch {
  const containers = targets.flatMap((target) => {
    const cgroup = hints.get(target.containerId);
    return cgroup ? [{ target, cgroup }] : [];
  });
  return { ...amounts, containers };
}
