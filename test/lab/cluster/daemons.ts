import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GiveUp, waitFor } from '../base/wait.ts';
import { labEnvironment, netnsPath, runDir } from '../layout.ts';
import { isAlive, kill, type ProcessId, processId } from './processes.ts';

/** How a program of the lab is started; kept on disk, so that any process can start it again. */
export interface DaemonSpec {
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  /** The node whose own paths it is to see. */
  node?: string;
  log: string;
}

interface DaemonRecord {
  spec: DaemonSpec;
  process: ProcessId;
}

const recordsDir = path.join(runDir, 'daemons');
/** The process that holds the mount namespace of a node. */
export const mountsDaemon = (node: string) => `mounts-${node}`;

const recordFile = (name: string) => path.join(recordsDir, `${name}.json`);

/** Starts the program inside the lab's network namespace, in a session of its own. */
export async function startDaemon(spec: DaemonSpec): Promise<void> {
  const log = openSync(spec.log, 'a');
  // nsenter becomes the program, so the pid that is kept is the program's.
  const mounts = spec.node === undefined ? [] : mountArguments(spec.node);
  const child = spawn('nsenter', [`--net=${netnsPath}`, ...mounts, spec.command, ...spec.args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...labEnvironment(), ...spec.env },
  });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  const id = child.pid === undefined ? undefined : processId(child.pid);
  if (id === undefined) throw new Error(`${spec.name} ended at once: see ${spec.log}`);
  mkdirSync(recordsDir, { recursive: true });
  const record: DaemonRecord = { spec, process: id };
  writeFileSync(recordFile(spec.name), JSON.stringify(record, null, 2));
}

/** Starts a stopped daemon again, just as it was started. */
export async function restartDaemon(name: string): Promise<void> {
  const record = readRecord(name);
  if (isAlive(record.process)) throw new Error(`${name} is running: stop it first`);
  await startDaemon(record.spec);
}

/** Ends a daemon, by default as a crash does, and waits until it is gone. */
export async function stopDaemon(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const { process: id } = readRecord(name);
  kill(id, signal);
  await waitFor(`the end of ${name}`, () => !isAlive(id), { timeoutMs: 30_000, everyMs: 10 });
}

export function daemonIsAlive(name: string): boolean {
  return existsSync(recordFile(name)) && isAlive(readRecord(name).process);
}

/** Throws with the end of its log if the daemon has died; for use while waiting for it. */
export function assertDaemonAlive(name: string): void {
  const { spec, process: id } = readRecord(name);
  if (isAlive(id)) return;
  const tail = readFileSync(spec.log, 'utf8').trim().split('\n').slice(-8).join('\n');
  throw new GiveUp(`${name} has died; the end of ${spec.log}:\n${tail}`);
}

export function daemonNames(): string[] {
  if (!existsSync(recordsDir)) return [];
  return readdirSync(recordsDir)
    .map((file) => path.basename(file, '.json'))
    .sort();
}

export function daemonPid(name: string): number {
  return readRecord(name).process.pid;
}

function readRecord(name: string): DaemonRecord {
  if (!existsSync(recordFile(name))) {
    throw new Error(`the lab has no daemon ${name}; it has ${daemonNames().join(', ') || 'none'}`);
  }
  return JSON.parse(readFileSync(recordFile(name), 'utf8'));
}

/** What nsenter takes to see a node's own paths; nothing for a node without any. */
export function mountArguments(node: string): string[] {
  const name = mountsDaemon(node);
  return existsSync(recordFile(name)) ? [`--mount=/proc/${daemonPid(name)}/ns/mnt`] : [];
}
