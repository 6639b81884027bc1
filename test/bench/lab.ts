import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { step } from '../lab/base/progress.ts';
import { buildLab } from '../lab/build/index.ts';
import { defaultUpOptions, down, startInLab, up } from '../lab/cluster/index.ts';
import { repoDir } from '../lab/layout.ts';
import { withLabLock } from '../lab/lock.ts';
import { installImage } from '../lab/rig/image.ts';

/**
 * Runs that bench in a lab of one node that is made for it, in a process inside its network
 * namespace, which writes to our stdout and stderr. A full lab has Stillpoint's image. The lab is
 * taken down on every way out, Ctrl-C included.
 */
export async function benchInLab(
  name: string,
  args: readonly string[],
  { full }: { full: boolean },
): Promise<void> {
  await buildLab();
  await withLabLock(`bench ${name}`, async () => {
    process.once('exit', downAtExit);
    try {
      await up({ ...defaultUpOptions, full, ownPaths: full, diesWithThisProcess: true });
      if (full) await installImage();
      await runInside(name, args);
    } finally {
      process.off('exit', downAtExit);
      await step('taking the lab down', down);
    }
  });
}

/** A process that exits can wait for nothing else; a second Ctrl-C does not reach this one. */
function downAtExit(): void {
  const script = join(repoDir, 'test/lab/cli/main.ts');
  spawnSync('setsid', ['--wait', process.execPath, script, 'down'], { stdio: 'inherit' });
}

function runInside(name: string, args: readonly string[]): Promise<void> {
  const main = join(repoDir, 'test/bench/main.ts');
  const child = startInLab(process.execPath, [main, name, ...args], {
    cwd: repoDir,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the bench ended with code ${code} inside the lab`));
    });
  });
}
