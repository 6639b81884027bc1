import { step } from '../base/progress.ts';
import { down, saveNodeLogs, upNodeInVm } from '../cluster/index.ts';
import { runJest } from './run-tests.ts';

/*
 * The part of test:v2 that runs inside the virtual machine: node up, jest, node down. One process
 * for all of it, since starting Node costs seconds there.
 */
try {
  const lab = await upNodeInVm();
  process.exitCode = await runJest(process.argv.slice(2), 'test/lab/v2/jest.config.js');
  saveNodeLogs(lab, '/out');
  await step('taking the node down', down);
} catch (error) {
  process.stderr.write(`test:v2: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
