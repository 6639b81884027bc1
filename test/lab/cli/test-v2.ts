import path from 'node:path';
import { say } from '../base/progress.ts';
import { buildLab } from '../build/index.ts';
import type { CgroupDriver } from '../lab-info.ts';
import { ensureVm, runInVm } from '../vm/index.ts';

/*
 * npm run test:v2 -- [--driver cgroupfs|systemd] [JEST ARGUMENTS]
 *
 * Runs the tests of test/lab/v2 in a virtual machine with cgroup v2, once for each cgroup driver,
 * on a lab of one node. The exit code is 0 when all of them passed under each.
 */
async function main(args: readonly string[]): Promise<number> {
  const { drivers, forJest } = splitArguments(args);
  await buildLab();
  await ensureVm();
  const results: [driver: CgroupDriver, code: number][] = [];
  for (const driver of drivers) {
    const startedMs = performance.now();
    say(`starting a virtual machine with cgroup v2, ${driver} driver`);
    const code = await testInVm(driver, forJest);
    say(`that took ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    results.push([driver, code]);
  }
  for (const [driver, code] of results) {
    say(`cgroup v2, ${driver}: ${code === 0 ? 'passed' : `FAILED (exit code ${code})`}`);
  }
  return Math.max(...results.map(([, code]) => code));
}

function testInVm(driver: CgroupDriver, forJest: readonly string[]): Promise<number> {
  const inside = path.join(import.meta.dirname, 'test-v2-inside.ts');
  return runInVm(['node', inside, driver, ...forJest], {
    systemd: driver === 'systemd',
  });
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
