import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { say } from '../base/progress.ts';
import { buildLab } from '../build/index.ts';
import type { CgroupDriver } from '../lab-info.ts';
import { ensureVm } from '../vm/index.ts';

/*
 * npm run test:v2 -- [--driver cgroupfs|systemd] [JEST ARGUMENTS]
 *
 * Runs the tests of test/lab/v2 on a node in a virtual machine with cgroup v2, once for each
 * cgroup driver, both at the same time: an emulated machine keeps hardly more than one core busy.
 * The exit code is 0 when all of them passed under each.
 */
async function main(args: readonly string[]): Promise<number> {
  const { drivers, forJest } = splitArguments(args);
  await buildLab();
  await ensureVm();
  const startedMs = performance.now();
  const codes = await Promise.all(
    drivers.map(async (driver) => {
      const code = await runDriver(driver, forJest);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      const verdict = code === 0 ? 'passed' : `FAILED (exit code ${code})`;
      return { code, line: `cgroup v2, ${driver} driver: ${verdict} after ${seconds} s` };
    }),
  );
  for (const { line } of codes) say(line);
  return Math.max(...codes.map(({ code }) => code));
}

/** A process of its own, since a lab's name, and so all its paths, hold for a whole process. */
async function runDriver(driver: CgroupDriver, forJest: readonly string[]): Promise<number> {
  const program = path.join(import.meta.dirname, 'test-v2-driver.ts');
  const child = spawn(process.execPath, [program, driver, ...forJest], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, STILLPOINT_LAB_NAME: `stillpoint-v2-${driver}` },
  });
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
  prefixLines(child.stdout, driver, process.stdout);
  prefixLines(child.stderr, driver, process.stderr);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 130));
  });
  process.off('SIGINT', passOn);
  process.off('SIGTERM', passOn);
  return code;
}

function prefixLines(from: Readable, driver: string, to: NodeJS.WritableStream): void {
  createInterface({ input: from }).on('line', (line) =>
    to.write(`${driver.padEnd(8)} | ${line}\n`),
  );
}

function splitArguments(args: readonly string[]): { drivers: CgroupDriver[]; forJest: string[] } {
  const at = args.indexOf('--driver');
  if (at < 0) return { drivers: ['cgroupfs', 'systemd'], forJest: [...args] };
  const driver = args[at + 1];
  if (driver !== 'cgroupfs' && driver !== 'systemd') {
    throw new Error(`--driver is cgroupfs or systemd, not "${driver}"`);
  }
  return { drivers: [driver], forJest: [...args.slice(0, at), ...args.slice(at + 2)] };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`test:v2: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
