import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Clock } from '../../base/index.ts';

/** A nats-server of this machine, started for the demo on a free port of 127.0.0.1. */
export interface NatsServer {
  url: string;
  /** Where the program was found. */
  program: string;
  stop(): Promise<void>;
}

const READY_MS_MAX = 5_000;

/** Undefined when no nats-server is found: $STILLPOINT_NATS_SERVER, $PATH, the lab's folder. */
export async function startNatsServer(
  env: NodeJS.ProcessEnv,
  clock: Clock,
): Promise<NatsServer | undefined> {
  const program = findProgram(env);
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const kill = () => void child.kill('SIGKILL');
  // It would outlive a demo that ends without waiting, as at a second Ctrl-C.
  process.once('exit', kill);
  const stop = async () => {
    process.removeListener('exit', kill);
    kill();
    await ended;
  };
  if (await answers(child, port, clock)) return { url: `nats://127.0.0.1:${port}`, program, stop };
  await stop();
  return undefined;
}

function findProgram(env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const lab = join(env.STILLPOINT_LAB_HOME ?? '/opt/stillpoint-lab', 'bin');
  const candidates = [
    ...(env.STILLPOINT_NATS_SERVER ? [env.STILLPOINT_NATS_SERVER] : []),
    ...[...folders, lab].map((folder) => join(folder, 'nats-server')),
  ];
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not for us: the next one is tried.
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function answers(child: ChildProcess, port: number, clock: Clock): Promise<boolean> {
  const { connect } = await import('node:net');
  const untilMs = clock.monotonicMs() + READY_MS_MAX;
  while (clock.monotonicMs() < untilMs && child.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return true;
    await clock.sleep(20);
  }
  return false;
}
