import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ctr, type LabNode } from '../lib/index.ts';

/** All that a capture may leave on a node besides archives; taken before and after, and compared. */
export interface Traces {
  /** Archives without a record of ours. */
  halfArchives: readonly string[];
  /** Folders of images, unfinished files. */
  files: readonly string[];
  /** In containerd's stores: content, leases, snapshots, images of checkpoints. */
  containerd: readonly string[];
}

/** Where images go that are written to memory, by default. */
const MEMORY_DIRECTORY = '/run/stillpoint/images';

export async function tracesOn(node: LabNode): Promise<Traces> {
  const own = join(node.checkpointsDir, '.stillpoint');
  const within = (directory: string) => (existsSync(directory) ? readdirSync(directory) : []);
  const records = within(join(own, 'records'));
  return {
    halfArchives: within(node.checkpointsDir).filter(
      (name) => name.endsWith('.tar') && !records.includes(`${name}.json`),
    ),
    files: [
      ...within(join(own, 'images')).map((name) => `images/${name}`),
      ...within(join(own, 'unfinished')).map((name) => `unfinished/${name}`),
      ...within(MEMORY_DIRECTORY),
    ],
    containerd: [
      ...(await listed(node, ['content', 'ls', '--quiet'])),
      ...(await listed(node, ['leases', 'ls', '--quiet'])),
      ...(await listed(node, ['snapshots', 'ls'])),
      ...(await listed(node, ['images', 'ls', '--quiet'])).filter((name) =>
        name.includes('checkpoint'),
      ),
    ],
  };
}

async function listed(node: LabNode, command: readonly string[]): Promise<string[]> {
  return (await ctr(node, command))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${command[0]} ${line.split(/\s+/)[0]}`)
    .sort();
}
