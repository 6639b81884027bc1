import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildBundle } from '../../scripts/build.ts';
import { allocatorEnvironment } from '../../scripts/image/config.ts';
import { type Cleanup, createCleanup, createRandom, systemClock } from '../../src/base/index.ts';
import { createSim, type Sim, type SimOptions } from '../../src/sim/index.ts';

/** What a bench runs against: the sim in this process, the bundled agent in one of its own. */
export interface Rig {
  sim: Sim;
  agent: BundledAgent;
  /** Secret of the alerts webhook. */
  alertsToken: string;
  directory: string;
  /** Ends both and removes all files. */
  stop(): Promise<void>;
}

export interface RigOptions {
  /** YAML of rules and retention policies. */
  rules: string;
  sim?: Partial<Omit<SimOptions, 'dir'>>;
  /** Before the agent starts: the pods that it finds. */
  prepare?(sim: Sim): void;
  natsUrl?: string;
  /** Flags of Node for the agent. */
  nodeFlags?: readonly string[];
}

/** One line of the agent's log. */
export interface LogLine extends Record<string, unknown> {
  level: string;
  event: string;
}

/** The bundled agent as a child of this process. */
export interface BundledAgent {
  readonly pid: number;
  readonly httpUrl: string;
  /** The next line that fits; rejects when the agent ends before, or after `msMax`. */
  next(match: (line: LogLine) => boolean, msMax?: number): Promise<LogLine>;
  /** Resident memory now, in MiB. */
  residentMiB(): number;
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

const START_MS_MAX = 30_000;
const LINE_MS_MAX = 60_000;

/** Builds the bundle, starts sim and agent; a start that fails leaves nothing behind. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const cleanup = createCleanup();
  const stop = async () => {
    const [failed] = await cleanup.run();
    if (failed) throw new Error(`${failed.what}: ${String(failed.error)}`);
  };
  try {
    const directory = mkdtempSync(join(tmpdir(), 'stillpoint-bench-'));
    const removeFiles = () => rmSync(directory, { recursive: true, force: true });
    cleanup.add(directory, removeFiles);
    undoAtExit(cleanup, removeFiles);
    const bundle = join(directory, 'bundle');
    await buildBundle(bundle);
    const random = createRandom(1);
    const dir = join(directory, 'node');
    const sim = createSim({ clock: systemClock, random, ...options.sim, dir });
    cleanup.add('sim', () => sim.stop());
    await sim.start();
    options.prepare?.(sim);
    const alertsToken = 'bench-'.repeat(8);
    const config = writeConfig(directory, sim, alertsToken, options);
    const { nodeFlags = [] } = options;
    const script = join(bundle, 'stillpoint.mjs');
    const agent = await startAgent([...nodeFlags, script, 'agent', '--config', config]);
    cleanup.add('agent', () => agent.stop());
    undoAtExit(cleanup, () => agent.kill());
    return { sim, agent, alertsToken, directory, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** When the bench is interrupted there is no time to stop in order. */
function undoAtExit(cleanup: Cleanup, undo: () => void): void {
  process.prependListener('exit', undo);
  cleanup.add('exit', () => void process.off('exit', undo));
}

function writeConfig(directory: string, { info }: Sim, token: string, options: RigOptions): string {
  const at = (name: string) => join(directory, name);
  mkdirSync(at('rules'));
  writeFileSync(at('rules/bench.yaml'), options.rules);
  writeFileSync(at('alerts-token'), token, { mode: 0o600 });
  // JSON is YAML.
  const config = {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'AgentConfig',
    node: info.nodeName,
    rulesDir: at('rules'),
    checkpointsDir: info.checkpointsDir,
    stateDir: at('state'),
    socket: at('agent.sock'),
    kubernetes: { kubeconfig: info.kubeconfigPath },
    kubelet: { address: info.kubeletUrl },
    runtime: { socket: info.criSocketPath, root: info.containerdRoot, tmp: info.containerdRoot },
    cgroupRoot: info.cgroupRoot,
    procRoot: info.procRoot,
    ...(options.natsUrl && { nats: { servers: [options.natsUrl], subjects: ['falco.>'] } }),
    http: { address: '127.0.0.1', port: 0, alertsTokenFile: at('alerts-token') },
    limits: { capturesPerHour: 100_000 },
  };
  writeFileSync(at('stillpoint.yaml'), JSON.stringify(config));
  return at('stillpoint.yaml');
}

interface Listener {
  hear(line: LogLine): void;
  ended(why: string): void;
}

async function startAgent(args: readonly string[]): Promise<BundledAgent> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // As in the image.
    env: { ...process.env, ...allocatorEnvironment },
  });
  const listeners = new Set<Listener>();
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (text) => {
    tail.push(text);
    if (tail.length > 20) tail.shift();
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as LogLine;
    for (const listener of [...listeners]) listener.hear(line);
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      const why = `the agent ended (${signal ?? code}):\n${tail.join('\n')}`;
      for (const listener of [...listeners]) listener.ended(why);
      resolve();
    });
  });
  const next = (match: (line: LogLine) => boolean, msMax = LINE_MS_MAX) =>
    nextLine(listeners, match, msMax);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const { http } = await next(({ event }) => event === 'started', START_MS_MAX);
    const { address, port } = http as { address: string; port: number };
    const pid = pidOf(child);
    return {
      pid,
      httpUrl: `http://${address}:${port}`,
      next,
      residentMiB: () => residentMiB(pid),
      stop,
      kill: () => void child.kill('SIGKILL'),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function nextLine(
  listeners: Set<Listener>,
  match: (line: LogLine) => boolean,
  msMax: number,
): Promise<LogLine> {
  const found = new Promise<LogLine>((resolve, reject) => {
    const done = () => {
      cancel();
      listeners.delete(listener);
    };
    const listener: Listener = {
      hear(line) {
        if (!match(line)) return;
        done();
        resolve(line);
      },
      ended(why) {
        done();
        reject(new Error(why));
      },
    };
    const cancel = systemClock.after(msMax, () => listener.ended(`no such line in ${msMax} ms`));
    listeners.add(listener);
  });
  // Whoever waits may have failed before, of something else that is the real news.
  found.catch(() => undefined);
  return found;
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the agent was not started');
  return pid;
}

/** VmRSS on Linux; what ps says elsewhere. */
function residentMiB(pid: number): number {
  if (process.platform !== 'linux') {
    return (
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
    );
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
