import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../lab/base/run.ts';
import type { LabNode } from '../../lab/lib/index.ts';

const BYTES_MIN = 100_000;

/**
 * Takes the files of images that no process uses out of the page cache, as they are not in it after
 * a node has booted. Else the runtime, which has just unpacked them, goes on paying for the pages of
 * the agent's program: 60 MiB that would not be seen in its container.
 */
export async function forgetImagePages(node: LabNode): Promise<void> {
  const snapshots = join(node.containerdRoot, 'io.containerd.snapshotter.v1.overlayfs/snapshots');
  const files = readdirSync(snapshots, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).size >= BYTES_MIN);
  if (!files.some((file) => file.endsWith('/bin/node'))) {
    throw new Error(`no image with Node.js is unpacked below ${snapshots}`);
  }
  for (const file of files) {
    await run('sync', [file]);
    await run('dd', [`if=${file}`, 'of=/dev/null', 'iflag=nocache', 'count=0']);
  }
}
