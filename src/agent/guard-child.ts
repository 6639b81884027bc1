import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type Cancel,
  type Clock,
  createBackoff,
  type Logger,
  messageOf,
  type Random,
  workerPath,
} from '../base/index.ts';

export interface GuardChildOptions {
  /** What the guard is to be called with. */
  args: readonly string[];
  /** Whether a guard is needed now: none answers. */
  isNeeded(): boolean;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** The guard process as a child of the agent, which outlives it. */
export interface GuardChild {
  /** A guard is missing: starts one, now or after the wait that earlier failures cost. */
  want(): void;
  /**
   * Asks the child to leave, which it does when nothing stands still because of us. Resolves when
   * it has left, or is still needed after a second.
   */
  stop(): Promise<void>;
}

const AGAIN_MS = { minMs: 100, maxMs: 10_000 };

/** One that ran for so long did not fail at its start. */
const HEALTHY_MS = 30_000;

/** A child that runs and does not answer for so long hangs. */
const HANGS_MS = 10_000;

const LEAVE_MS_MAX = 1_000;

/**
 * Starts guards, one at a time, for as long as one is needed. A child has a session of its own, so
 * that neither Ctrl-C nor a SIGKILL to the agent's process group reaches it; it leaves by itself
 * once it has been alone for a while.
 */
export function createGuardChild(options: GuardChildOptions): GuardChild {
  const { clock, random, log } = options;
  const backoff = createBackoff({ ...AGAIN_MS, random });
  let child: ChildProcess | undefined;
  let cancelNext: Cancel | undefined;
  let cancelHangs: Cancel = () => undefined;
  let stopped = false;

  const start = () => {
    cancelNext = undefined;
    if (stopped || child || !options.isNeeded()) return;
    const startedMs = clock.monotonicMs();
    const begun = spawnGuard(options.args);
    child = begun;
    watchHang(begun);
    const ended = (why: string) => {
      if (child !== begun) return;
      child = undefined;
      cancelHangs();
      if (clock.monotonicMs() - startedMs >= HEALTHY_MS) backoff.reset();
      if (!stopped) log.warn('guard-ended', { pid: begun.pid, why });
      want();
    };
    begun.once('error', (error) => ended(messageOf(error)));
    begun.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    log.info('guard-begun', { pid: begun.pid });
  };
  const watchHang = (begun: ChildProcess) => {
    cancelHangs();
    cancelHangs = clock.after(HANGS_MS, () => {
      if (child !== begun || stopped || !options.isNeeded()) return;
      log.warn('guard-hangs', { pid: begun.pid });
      begun.kill('SIGKILL');
    });
  };
  const want = () => {
    if (stopped || !options.isNeeded()) return;
    if (child) watchHang(child);
    else cancelNext ??= clock.after(backoff.nextMs(), start);
  };
  return {
    want,
    async stop() {
      stopped = true;
      cancelNext?.();
      cancelHangs();
      if (!child) return;
      const leaving = once(child, 'exit');
      child.kill('SIGTERM');
      await Promise.race([leaving, clock.sleep(LEAVE_MS_MAX)]);
    },
  };
}

function spawnGuard(args: readonly string[]): ChildProcess {
  const script = workerPath('src/guard/guard-process.ts');
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    // Its log goes where ours goes; it does not mind when nobody reads it any more.
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: '/',
  });
  child.unref();
  return child;
}
