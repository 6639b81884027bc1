import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

export interface RunOptions {
  /** Text for standard input; without it the program reads an empty one. */
  input?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Return a non-zero exit instead of throwing. */
  allowFailure?: boolean;
  /** End the program after this long; it then counts as failed. */
  timeoutMs?: number;
  /** Show standard output and error as they come instead of collecting them. */
  show?: boolean;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A program that ended badly. The message carries what it said last, for the reader of a log. */
export class RunError extends Error {
  readonly code: number;

  constructor(command: string, result: RunResult) {
    const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-15).join('\n');
    super(`${command} ended with code ${result.code}${said === '' ? '' : `:\n${said}`}`);
    this.name = 'RunError';
    this.code = result.code;
  }
}

/** Runs a program to its end. Throws RunError when it fails, unless `allowFailure`. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: [
      options.input === undefined ? 'ignore' : 'pipe',
      options.show === true ? 'inherit' : 'pipe',
      options.show === true ? 'inherit' : 'pipe',
    ],
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  });
  const result = await finish(child, options.input);
  if (result.code !== 0 && options.allowFailure !== true) {
    throw new RunError([command, ...args].join(' ').slice(0, 200), result);
  }
  return result;
}

function finish(child: ChildProcess, input: string | undefined): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => out.push(part));
    child.stderr?.on('data', (part: Buffer) => err.push(part));
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new Error(`${child.spawnfile} is not installed: run "npm run lab -- build"`)
          : error,
      );
    });
    child.on('close', (code, signal) => {
      resolve({
        code: code ?? (signal === null ? 1 : 128 + 9),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
    if (input !== undefined && child.stdin !== null) {
      // A program that ends before it has read everything gives EPIPE here; its exit code tells.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    }
  });
}

/** Runs a program with the terminal of this one and returns its exit code. */
export function runAttached(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
  });
}
