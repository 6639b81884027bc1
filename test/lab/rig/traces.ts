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
  const containers = await listed(node, ['containers', 'ls', '--quiet']);
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
      ...named('content', await listed(node, ['content', 'ls', '--quiet'])),
      // Each container and sandbox has a snapshot of its own name, a sandbox a lease too.
      ...named('lease', without(await listed(node, ['leases', 'ls', '--quiet']), containers)),
      ...named('snapshot', without(await listed(node, ['snapshots', 'ls']), containers)),
      ...named(
        'image',
        (await listed(node, ['images', 'ls', '--quiet'])).filter((name) =>
          name.includes('checkpoint'),
        ),
      ),
    ],
  };
}

/** The first word of each line. */
async function listed(node: LabNode, command: readonly string[]): Promise<string[]> {
  const lines = (await ctr(node, command)).split('\n').filter((line) => line !== '');
  return lines.map((line) => line.split(/\s+/)[0] ?? '');
}

function named(kind: string, names: readonly string[]): string[] {
  return names.map((name) => `${kind} ${name}`);
}

function without(names: readonly string[], others: readonly string[]): string[] {
  return names.filter((name) => !others.includes(name));
}
