import { execFile } from 'node:child_process';
import { accessSync, constants, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/index.ts';
import type { Outside } from '../outside.ts';
import { findRuntimeProcess, readEnvironment } from '../processes.ts';

/** CRIU as the runtime's process would find it. */
export type HostCriu =
  /** The runtime's process, or its environment, cannot be seen from here. */
  | { kind: 'unseen' }
  | { kind: 'missing'; path: string }
  /** It is there, in a file system that nothing can be run in from here. */
  | { kind: 'found'; path: string }
  | { kind: 'tried'; path: string; version: string; works: boolean; said: string };

const CHECK_MS_MAX = 8_000;
const OUTPUT_BYTES_MAX = 256 * 1024;

/**
 * Looks for criu on the PATH of the runtime's own process and, where we share its file system, has
 * it check the kernel (`criu check`), which changes nothing.
 */
export async function askHostCriu(
  { config }: Pick<Outside, 'config'>,
  signal: AbortSignal,
): Promise<HostCriu> {
  const { procRoot, runtime } = config;
  const pid = findRuntimeProcess(procRoot, runtime.socket);
  if (pid === undefined) return { kind: 'unseen' };
  const env = readEnvironment(procRoot, pid);
  if (env === undefined) return { kind: 'unseen' };
  const root = join(procRoot, String(pid), 'root');
  const path = (env.PATH ?? '')
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, 'criu'))
    .find((file) => isExecutable(join(root, file)));
  if (path === undefined) return { kind: 'missing', path: env.PATH ?? '' };
  if (!sharesMounts(procRoot, pid)) return { kind: 'found', path };
  const [version, check] = await Promise.all([
    runCriu(path, ['--version'], env, signal),
    runCriu(path, ['check'], env, signal),
  ]);
  return {
    kind: 'tried',
    path,
    version: `criu ${/Version: (\S+)/.exec(version.text)?.[1] ?? 'of an unknown version'}`,
    works: check.ended,
    said: lastLineOf(check.text),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not to be run: the next directory of the PATH counts.
    return false;
  }
}

function sharesMounts(procRoot: string, pid: number): boolean {
  try {
    const of = (process: string) => readlinkSync(join(procRoot, process, 'ns', 'mnt'));
    return of(String(pid)) === of('self');
  } catch {
    // May not be looked at: then nothing is run.
    return false;
  }
}

/** Never rejects: that it could not be run is what it says. */
function runCriu(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ ended: boolean; text: string }> {
  const options = { env, signal, timeout: CHECK_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve) => {
    execFile(path, [...args], options, (error, stdout, stderr) => {
      const text = `${stdout}${stderr}`.trim();
      resolve({ ended: error === null, text: text === '' ? messageOf(error) : text });
    });
  });
}

function lastLineOf(text: string): string {
  return text.split('\n').at(-1)?.trim() ?? '';
}
