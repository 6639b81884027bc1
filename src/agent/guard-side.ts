import { dirname, join } from 'node:path';
import type { Clock, Logger, Random } from '../base/index.ts';
import { createGuardLease, type GuardLease, type GuardStatus } from '../lease/index.ts';
import type { AgentConfig } from './config-schema.ts';
import { createGuardChild } from './guard-child.ts';

export interface GuardSideOptions {
  config: AgentConfig;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** The guard process as the agent has it. */
export interface GuardSide {
  /** Absent: the configuration wants none, so nothing is ever paused. */
  readonly lease?: GuardLease;
  status(): GuardStatus;
  /** After all captures have ended: what is protected then, the guard resumes. */
  stop(): Promise<void>;
}

/** Whose process the guard of this node is. */
export type GuardRun = 'child' | 'sidecar' | 'none';

/** Where the guard listens: beside the agent's own socket unless the configuration names a place. */
export function guardSocketOf({ guard, socket }: Pick<AgentConfig, 'guard' | 'socket'>): string {
  return guard.socket ?? join(dirname(socket), 'guard.sock');
}

/** A pod whose guard is a sidecar says so with STILLPOINT_GUARD=sidecar. */
export function guardRunOf(
  { guard }: Pick<AgentConfig, 'guard'>,
  env: GuardSideOptions['env'],
): GuardRun {
  if (guard.run !== 'auto') return guard.run;
  return env.STILLPOINT_GUARD === 'sidecar' ? 'sidecar' : 'child';
}

/** Takes the lease, and keeps a guard process running where that is the agent's own duty. */
export function createGuardSide(options: GuardSideOptions): GuardSide {
  const { config, env, log } = options;
  const run = guardRunOf(config, env);
  if (run === 'none') {
    const status: GuardStatus = { state: 'absent', why: 'guard.run is none' };
    return { status: () => status, stop: async () => undefined };
  }
  const socket = guardSocketOf(config);
  // One that an earlier agent left behind is found first, and serves as well.
  const lease = createGuardLease({
    ...options,
    socket,
    log,
    onChange: ({ state }) => {
      if (state === 'absent') child?.want();
    },
  });
  const child =
    run === 'child'
      ? createGuardChild({
          ...options,
          args: argsOf(config, socket),
          isNeeded: () => lease.status().state === 'absent',
        })
      : undefined;
  return {
    lease,
    status: () => lease.status(),
    async stop() {
      await lease.stop();
      await child?.stop();
    },
  };
}

function argsOf(config: AgentConfig, socket: string): string[] {
  const { runtime, cgroupRoot, procRoot, logLevel } = config;
  return [
    ...['--socket', socket],
    ...['--runtime-socket', runtime.socket],
    ...['--cgroup-root', cgroupRoot],
    ...['--proc-root', procRoot],
    ...['--log-level', logLevel],
    '--leave-alone',
  ];
}
