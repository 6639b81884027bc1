import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type LogLevel, messageOf, StillpointError, systemClock } from '../base/index.ts';
import { startGuard } from './guard.ts';
import { createLineLog } from './log.ts';

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** The flags of `stillpoint guard`. */
export const guardFlags = {
  socket: {
    type: 'string',
    default: '/run/stillpoint/guard.sock',
    about: 'where agents find it',
  },
  'runtime-socket': {
    type: 'string',
    default: '/run/containerd/containerd.sock',
    about: "containerd's socket",
  },
  'cgroup-root': {
    type: 'string',
    default: '/sys/fs/cgroup',
    about: "the node's cgroup tree",
  },
  'proc-root': { type: 'string', default: '/proc', about: "the node's /proc" },
  'log-level': { type: 'string', default: 'info', about: `one of ${levels.join(', ')}` },
  'leave-alone': {
    type: 'boolean',
    default: false,
    about: 'leave once no agent was here for 10 s and nothing is left to resume',
  },
} as const;

/** The same as values. */
export interface GuardFlags {
  socket: string;
  runtimeSocket: string;
  cgroupRoot: string;
  procRoot: string;
  logLevel: string;
  leaveAlone: boolean;
}

/** The agent's own stop takes up to 60 s; the pod has 120 s for both. */
const LEAVE_MS_MAX = 100_000;

const FLUSH_MS_MAX = 500;

/** Reads the flags without the command line's library, which costs memory. Error: `usage`. */
export function readGuardFlags(argv: readonly string[]): GuardFlags {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: guardFlags,
      allowPositionals: false,
    });
    return {
      socket: values.socket,
      runtimeSocket: values['runtime-socket'],
      cgroupRoot: values['cgroup-root'],
      procRoot: values['proc-root'],
      logLevel: values['log-level'],
      leaveAlone: values['leave-alone'],
    };
  } catch (cause) {
    const message = `stillpoint guard: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'usage', message, hint: 'See stillpoint guard --help.' });
  }
}

/** Runs the guard process until it may leave: resolves then. Errors: `usage`, those of startGuard. */
export async function runGuard(flags: GuardFlags): Promise<void> {
  // Before anything is made: the socket and what is written down are for root alone.
  process.umask(0o077);
  const clock = systemClock;
  const log = createLineLog(clock, readLevel(flags.logLevel));
  const guard = await startGuard({
    socket: resolve(flags.socket),
    runtimeSocket: resolve(flags.runtimeSocket),
    cgroupRoot: resolve(flags.cgroupRoot),
    procRoot: resolve(flags.procRoot),
    leavesAlone: flags.leaveAlone,
    clock,
    log,
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => guard.leave(LEAVE_MS_MAX));
  }
  await guard.left;
  await Promise.race([log.flushed(), clock.sleep(FLUSH_MS_MAX)]);
}

function readLevel(text: string): LogLevel {
  const level = levels.find((one) => one === text);
  if (level !== undefined) return level;
  throw new StillpointError({
    code: 'usage',
    message: `stillpoint guard: --log-level is '${text}'; allowed: ${levels.join(', ')}`,
  });
}
