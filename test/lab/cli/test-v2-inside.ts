import { step } from '../base/progress.ts';
import { defaultUpOptions, down, up } from '../cluster/index.ts';
import { runJest } from './run-tests.ts';

/*
 * The part of test:v2 that runs inside the virtual machine: lab up, jest, lab down. One process
 * for all of it, since starting Node costs seconds there.
 */
const [driver, ...forJest] = process.argv.slice(2);
if (driver !== 'cgroupfs' && driver !== 'systemd') throw new Error('which cgroup driver?');

try {
  await up({ ...defaultUpOptions, cgroupDriver: driver });
  process.exitCode = await runJest(forJest, 'test/lab/v2/jest.config.js');
  await step('taking the lab down', down);
} catch (error) {
  process.stderr.write(`test:v2: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
