import { runTests } from './run-tests.ts';

/*
 * npm run test:node -- [--nodes N] [--full] [--kubelet-self-signed] [JEST ARGUMENTS]
 *
 * Builds what is missing, brings a lab up, runs the tests of test/lab inside its network namespace
 * and takes the lab down, whatever happened. The exit code is jest's.
 */
try {
  process.exitCode = await runTests(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`test:node: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
