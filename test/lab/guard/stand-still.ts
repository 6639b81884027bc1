import { systemClock } from '../../../src/base/index.ts';
import type { PauseIntent } from '../../../src/lease/index.ts';
import type { LabClients } from '../capture/lab-node.ts';

/** How long a container stands still from now on, seen from outside, each millisecond. */
export interface StandStill {
  stands(): boolean;
  /** When it was last seen to stand still, monotonic. */
  lastStillMs(): number;
  /** Until neither the freezer nor a tracer holds it, ms. */
  ms(): Promise<number>;
  /** The same, and how much of it came after the last look at which CRIU held it. */
  withCriu(): Promise<{ totalMs: number; afterCriuMs: number }>;
}

const MS_MAX = 30_000;
/** It must run for so long before it counts: CRIU thaws and freezes on its way. */
const RUNS_MS = 300;

export function watchStandStill({ probe }: LabClients, intent: PauseIntent): StandStill {
  const { freezerDirectory = '', cgroupVersion: version } = intent;
  const cgroup = { version, freezerDirectory, memoryLevels: [] };
  const beganMs = systemClock.monotonicMs();
  const isTraced = () =>
    probe.cgroups.pids(cgroup).some((pid) => (probe.tracerPid(pid) ?? 0) !== 0);
  const stands = () => probe.cgroups.freezerState(cgroup) !== 'thawed' || isTraced();
  let lastStillMs = beganMs;
  const watch = async () => {
    let lastTracedMs = beganMs;
    for (;;) {
      const nowMs = systemClock.monotonicMs();
      if (isTraced()) lastTracedMs = nowMs;
      if (stands()) lastStillMs = nowMs;
      if (nowMs - lastStillMs >= RUNS_MS || nowMs - beganMs > MS_MAX) break;
      await systemClock.sleep(1);
    }
    return { totalMs: lastStillMs - beganMs, afterCriuMs: lastStillMs - lastTracedMs };
  };
  return {
    stands,
    lastStillMs: () => lastStillMs,
    withCriu: watch,
    async ms() {
      return (await watch()).totalMs;
    },
  };
}
