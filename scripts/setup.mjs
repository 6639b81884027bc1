/**
 * Makes a fresh clone ready, for any Node >= 20 and npm: installs the locked packages once, and
 * again when the lock file changes. Runs before every npm script, so it must cost nothing when
 * there is nothing to do. Plain JavaScript: the machine's own Node may not run TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.stillpoint-setup');
const lock = readFileSync(join(root, 'package-lock.json'));
const stamp = createHash('sha256')
  .update(lock)
  .update(process.platform + process.arch)
  .digest('hex');

if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  process.stderr.write('stillpoint: installing packages (once, about half a minute) …\n');
  // --loglevel=error: npm would warn that the machine's Node is older than a package asks for;
  // everything here runs on the pinned Node 24 that this very install brings.
  const npm = process.env.npm_execpath;
  // `install`, not `ci`: the lock file names the optional binaries of the platforms that it was
  // written on, and `ci` refuses on any other. --no-save leaves the lock file as it is.
  const args = ['install', '--no-save', '--loglevel=error', '--no-audit', '--no-fund'];
  const run = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) {
    process.stderr.write(
      'stillpoint: the install failed; its own words are above. With the network back, run the same command again.\n',
    );
    process.exit(run.status ?? 1);
  }
  writeFileSync(stampFile, stamp);
}
