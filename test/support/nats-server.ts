import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where the lab puts what it builds. */
const LAB_BIN = '/opt/stillpoint-lab/bin';

/** The path of a real nats-server: STILLPOINT_NATS_SERVER, PATH, then the lab; or undefined. */
export function findNatsServer(): string | undefined {
  const named = process.env.STILLPOINT_NATS_SERVER;
  if (named !== undefined && named !== '') return named;
  const folders = [...(process.env.PATH ?? '').split(delimiter), LAB_BIN];
  return folders.map((folder) => join(folder, 'nats-server')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A real nats-server as a child of this process. */
export interface RealNats {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
  /** As stop, for an exit of this process, which waits for nobody. */
  kill(): void;
}

/** Starts one with `config` (the server's own configuration language) and waits until it answers. */
export async function startNatsServer(
  binary: string,
  config = '',
  port?: number,
): Promise<RealNats> {
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-nats-'));
  const chosen = port ?? (await freePort());
  const file = join(directory, 'server.conf');
  const log = join(directory, 'server.log');
  writeFileSync(file, `listen: "127.0.0.1:${chosen}"\n${config}\n`);
  const child = spawn(binary, ['-c', file, '-l', log], { stdio: 'ignore' });
  const stop = async () => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await answers(chosen, child);
  } catch (error) {
    const said = readText(log);
    await stop();
    throw new Error(`${binary} did not start: ${String(error)}\n${said}`);
  }
  const kill = () => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  return { url: `nats://127.0.0.1:${chosen}`, port: chosen, stop, kill };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return String(error);
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Resolves with the server's first bytes (its INFO line); tries for 10 s. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  const untilMs = Date.now() + 10_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    if (await greets(port)) return;
    if (Date.now() > untilMs) throw new Error('no answer within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (greeted: boolean) => {
      socket.destroy();
      resolve(greeted);
    };
    socket.once('data', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
  });
}
