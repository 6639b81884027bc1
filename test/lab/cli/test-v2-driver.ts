import { rmSync } from 'node:fs';
import path from 'node:path';
import { step } from '../base/progress.ts';
import { down, tapDevice, upControlPlaneForVm } from '../cluster/index.ts';
import { netnsPath, vmDir } from '../layout.ts';
import { withLabLock } from '../lock.ts';
import { runInVm } from '../vm/index.ts';

/*
 * The part of test:v2 for one cgroup driver: the control plane on this machine, the virtual
 * machine plugged into its network, and everything taken down at the end.
 */
const [driver, ...forJest] = process.argv.slice(2);

async function main(): Promise<number> {
  if (driver !== 'cgroupfs' && driver !== 'systemd') throw new Error('which cgroup driver?');
  const inside = path.join(import.meta.dirname, 'test-v2-inside.ts');
  try {
    await upControlPlaneForVm(driver);
    // Not in the run folder: the node's logs are to be there when all else is taken down.
    const outDir = path.join(vmDir, `out-${driver}`);
    rmSync(outDir, { recursive: true, force: true });
    return await runInVm(['node', inside, ...forJest], {
      systemd: driver === 'systemd',
      outDir,
      // Two of these may run at a time, and each fills its memory with what it has read.
      memoryMb: 4096,
      network: { netns: netnsPath, tap: tapDevice },
    });
  } finally {
    await step('taking the control plane down', down);
  }
}

// Ended from outside: the machine and the control plane must not stay.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void down().finally(() => process.exit(130)));
}
try {
  process.exitCode = await withLabLock(`test:v2 ${driver}`, main);
} catch (error) {
  process.stderr.write(`test:v2: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
