/**
 * `npm test`: type check, lint, then all tests that need no root (the structure checks are among
 * them). Extra words are handed to jest: `npm test -- retention`. Exit code 0 only if all passed.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');

const steps: { title: string; command: string; args: string[] }[] = [
  { title: 'type check', command: bin('tsc'), args: ['--noEmit'] },
  { title: 'lint', command: bin('biome'), args: ['ci', '--diagnostic-level=warn'] },
  {
    title: 'tests',
    command: process.execPath,
    args: ['--experimental-vm-modules', '--no-warnings', jest, ...process.argv.slice(2)],
  },
];

for (const { title, command, args } of steps) {
  process.stderr.write(`stillpoint: ${title}\n`);
  const run = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.status !== 0) {
    process.stderr.write(`stillpoint: ${title} failed\n`);
    process.exit(run.status ?? 1);
  }
}
