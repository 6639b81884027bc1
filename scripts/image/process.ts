import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end and gives what it printed; its own words are in the error. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<Buffer> {
  try {
    const { stdout } = await execute(command, [...args], {
      ...options,
      env: process.env,
      encoding: 'buffer',
      maxBuffer: 1024 ** 3,
    });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: Buffer };
    if (code === 'ENOENT') throw new Error(absent(command), { cause: error });
    const said = String(stderr ?? '').trim();
    throw new Error(`${command} ${args.at(-1) ?? ''} failed: ${said || String(error)}`, {
      cause: error,
    });
  }
}

function absent(command: string): string {
  return (
    `${command} is not on this machine: the base of the image comes from Debian packages, which ` +
    'apt-get fetches and dpkg-deb opens. On Debian and Ubuntu they are there; elsewhere build ' +
    'with Docker: docker build -f deploy/Dockerfile .'
  );
}

/** Says what is being done, once it is done and how long it took; a terminal sees it at once. */
export async function step<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const startedMs = performance.now();
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`image: … ${what}\r`);
  const result = await work();
  stderr.write(`image: ✓ ${what} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)\n`);
  return result;
}
