import { runTests } from './run-tests.ts';

/*
 * npm run test:installed -- [FLAGS OF up] [JEST ARGUMENTS]
 *
 * As test:node, for the tests of test/lab/installed: they need a full lab of two nodes, whose
 * paths are their own.
 */
try {
  const lab = ['--nodes', '2', '--full', '--stillpoint'];
  process.exitCode = await runTests(
    [...lab, ...process.argv.slice(2)],
    'test/lab/installed/jest.config.js',
  );
} catch (error) {
  process.stderr.write(
    `test:installed: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
