import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../base/wait.ts';
import type { LabNode } from '../lab-info.ts';
import { binDir, home, ownPaths } from '../layout.ts';
import { assertDaemonAlive, mountsDaemon, startDaemon } from './daemons.ts';

/*
 * The mount namespace of a node with own paths. It is held by one sleeping process and by what the
 * node runs, and by nothing on disk: when they are killed it is gone with all its mounts.
 */

/** Laid down as its last step: the node's paths are there. */
const readyFile = (rootDir: string) => path.join(rootDir, 'ready');

/**
 * Other labs' mounts, which a new namespace inherits, are let go first: their network namespaces
 * and overlays would live on in this one. Mounts made in here later reach the node's pods (shared,
 * as a kubelet wants it) and never the machine.
 */
const script = `
set -e
awk '$5 ~ "^(/run/netns|${home}/run)" { print $5 }' /proc/self/mountinfo | sort -r |
  xargs -r umount --lazy
for dir in ${ownPaths.join(' ')}; do
  mount --bind "$0$dir" "$dir"
done
mount --make-rshared /
: > "$1"
exec sleep infinity
`;

/** Gives the node its own /run, /var/lib and so on. Does nothing for a node without own paths. */
export async function makeNodeMounts(node: LabNode): Promise<void> {
  const { rootDir } = node;
  if (rootDir === undefined) return;
  for (const dir of ownPaths) mkdirSync(path.join(rootDir, dir), { recursive: true });
  copyFileSync(path.join(binDir, 'criu'), criuOf(rootDir));
  rmSync(readyFile(rootDir), { force: true });
  await startDaemon({
    name: mountsDaemon(node.name),
    command: 'unshare',
    args: ['--mount', 'sh', '-c', script, rootDir, readyFile(rootDir)],
    log: path.join(path.dirname(rootDir), 'mounts.log'),
  });
  await waitFor(`the mounts of ${node.name}`, () => {
    assertDaemonAlive(mountsDaemon(node.name));
    return existsSync(readyFile(rootDir));
  });
}

/** The CRIU that the node finds on its path: a file of its own, to be replaced or taken away. */
export function criuOf(rootDir: string): string {
  return path.join(rootDir, 'usr/local/sbin/criu');
}
