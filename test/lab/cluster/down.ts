import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { sleep } from '../base/wait.ts';
import { labName, runDir } from '../layout.ts';
import { processesInCgroups, removeCgroups, thawCgroups } from './cgroups.ts';
import { restoreKernelSettings } from './kernel-settings.ts';
import { leftovers, mountsOfLab } from './leftovers.ts';
import { netnsInode, removeNetwork } from './network.ts';
import { kill, labProcesses } from './processes.ts';

/**
 * Takes the lab down, whatever state it is in: it trusts no file of an earlier run and looks at
 * what is there. Throws, naming them, if anything of the lab remains.
 */
export async function down(): Promise<void> {
  const inode = netnsInode();
  await killAll(inode);
  await unmountAll();
  await removeNetwork();
  for (let tries = 0; tries < 50 && removeAllCgroups() > 0; tries++) await sleep(20);
  removeStrayFiles();
  removeRunDir();
  restoreKernelSettings();
  const remains = leftovers(inode);
  if (remains.length > 0) {
    throw new Error(`the lab is down, but this is left of it:\n  ${remains.join('\n  ')}`);
  }
}

/**
 * All at once and without asking: each of these programs would spend its goodbye on things that
 * are about to be removed anyway (the API server a minute of it).
 */
async function killAll(inode: number | undefined): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    // Again in each round: a runc that was on its way may just have frozen something.
    thawCgroups();
    const alive = labProcesses(inode, processesInCgroups());
    if (alive.length === 0) return;
    for (const each of alive) kill(each, 'SIGKILL');
    await sleep(20);
  }
}

async function unmountAll(): Promise<void> {
  const mounts = mountsOfLab();
  if (mounts.length === 0) return;
  // The innermost first. Lazily: a mount that is still busy for a moment goes by itself.
  await run('umount', ['--lazy', ...mounts.reverse()], { allowFailure: true });
}

function removeAllCgroups(): number {
  removeCgroups();
  return processesInCgroups().size;
}

/** What containerd, its shims and CNI keep outside of their own folders. */
function removeStrayFiles(): void {
  const results = '/var/lib/cni/results';
  const links = '/var/log/containers';
  for (const node of entries(runDir).filter((name) => name.startsWith('node'))) {
    const tasks = path.join(runDir, node, 'state/io.containerd.runtime.v2.task/k8s.io');
    for (const id of entries(tasks)) {
      removeShimSocket(path.join(tasks, id, 'bootstrap.json'));
      rmSync(path.join(results, `cni-loopback-${id}-lo`), { force: true });
    }
  }
  removeWhere(results, (name) => name.startsWith(`${labName}-node`));
  removeWhere(links, (name) => linkTarget(path.join(links, name)).startsWith(`${runDir}/`));
}

/** A killed shim leaves its socket behind; this file in its folder tells where that is. */
function removeShimSocket(bootstrapFile: string): void {
  if (!existsSync(bootstrapFile)) return;
  const socket = readFileSync(bootstrapFile, 'utf8').match(/unix:\/\/([^"]+)/)?.[1];
  if (socket !== undefined) rmSync(socket, { force: true });
}

/** The logs stay until the next start, in case somebody wants to know why a test failed. */
function removeRunDir(): void {
  for (const name of entries(runDir)) {
    const entry = path.join(runDir, name);
    if (name.endsWith('.log')) continue;
    if (!/^node\d$/.test(name)) {
      rmSync(entry, { recursive: true, force: true });
      continue;
    }
    for (const inNode of entries(entry).filter((each) => !each.endsWith('.log'))) {
      rmSync(path.join(entry, inNode), { recursive: true, force: true });
    }
  }
}

function removeWhere(dir: string, matches: (name: string) => boolean): void {
  for (const name of entries(dir).filter(matches)) unlinkSync(path.join(dir, name));
}

function entries(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

function linkTarget(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
