import { join } from 'node:path';
import type { Logger } from '../../src/base/index.ts';
import { startGuard } from '../../src/guard/index.ts';
import type { Sim } from '../../src/sim/index.ts';
import type { DrivenClock } from '../agent/support/driven-clock.ts';
import { openLine } from './line.ts';
import { closeServers, mortalClock } from './mortal.ts';

/** One life of the guard process, from its start to its death. */
export interface GuardLife {
  /** Its connections to the runtime end. */
  tearRuntime(): void;
  /** As SIGKILL. */
  kill(): void;
}

/** Where agents find it, in whatever life it is. */
export function guardSocketIn(dir: string): string {
  return join(dir, 'g.sock');
}

/**
 * The real guard, inside this process. Between it and the others are lines, which are cut when it
 * is killed, as its descriptors would be closed.
 */
export async function beginGuard(options: {
  dir: string;
  sim: Sim;
  clock: DrivenClock;
  log: Logger;
  isRuntimeAway(): boolean;
}): Promise<GuardLife> {
  const { dir, sim, clock, log, isRuntimeAway } = options;
  const mortal = mortalClock(clock);
  const { cgroupRoot, procRoot, criSocketPath } = sim.info;
  const at = (name: string) => join(dir, name);
  const real = join(dir, 'g', 'guard.sock');
  const runtime = await openLine({ path: criSocketPath }, isRuntimeAway, at('g-cri.sock'));
  const front = await openLine({ path: real }, () => false, guardSocketIn(dir));
  await startGuard({
    socket: real,
    runtimeSocket: at('g-cri.sock'),
    ...{ cgroupRoot, procRoot, log },
    clock: mortal.given,
    leavesAlone: false,
  });
  return {
    tearRuntime: () => runtime.tear(),
    kill() {
      mortal.kill();
      front.cut();
      runtime.cut();
      closeServers([real]);
    },
  };
}
