import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { workImage } from '../build/index.ts';
import { ctr, inLab, type LabNode, startInLab } from '../lib/index.ts';
import { readLayer } from './layer.ts';
import type { UnpackedArchive } from './unpacked-archive.ts';

/** A container that runc made of an archive, beside the one that it was taken of. */
export interface Restored {
  /** All that it has said since. */
  log(): string;
  signal(name: string): Promise<void>;
  /** Runs a program inside; returns what it said. */
  exec(...command: string[]): Promise<string>;
  remove(): Promise<void>;
}

interface Spec {
  root: { path: string };
  linux: { cgroupsPath?: string };
}

/**
 * Restores an archive with nothing but runc: the image's files, the changes
 * of the archive on top, its own spec, its CRIU images. The pod must still be there, since the
 * container joins its namespaces; the container itself may have gone on.
 */
export async function restoreArchive(node: LabNode, archive: UnpackedArchive): Promise<Restored> {
  const bundle = path.join(archive.folder, 'bundle');
  const rootfs = path.join(bundle, 'rootfs');
  mkdirSync(rootfs, { recursive: true });
  await ctr(node, ['images', 'mount', '--rw', workImage, rootfs]);
  const id = `restored-${path.basename(archive.folder)}`;
  const runc = ['--root', path.join(archive.folder, 'runc')];
  const log = path.join(bundle, 'log');
  const remove = async () => {
    await inLab('runc', [...runc, 'delete', '--force', id], { allowFailure: true });
    await ctr(node, ['images', 'unmount', '--rm', rootfs]);
  };
  try {
    await applyLayer(path.join(archive.folder, 'rootfs-diff.tar'), rootfs);
    const spec = archive.json<Spec>('spec.dump');
    const own = {
      ...spec,
      root: { path: rootfs },
      linux: { ...spec.linux, cgroupsPath: `/${id}` },
    };
    writeFileSync(path.join(bundle, 'config.json'), JSON.stringify(own));
    const images = path.join(archive.folder, 'checkpoint');
    const work = path.join(bundle, 'work');
    await runcRestore(
      [
        ...runc,
        'restore',
        '--detach',
        '--bundle',
        bundle,
        '--image-path',
        images,
        '--work-path',
        work,
        id,
      ],
      log,
      work,
    );
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    log: () => readFileSync(log, 'utf8'),
    exec: async (...command) => (await inLab('runc', [...runc, 'exec', id, ...command])).stdout,
    signal: async (name) => void (await inLab('runc', [...runc, 'kill', id, name])),
    remove,
  };
}

/** The restored processes get runc's own standard output: a file, and no pipe of ours. */
async function runcRestore(args: readonly string[], log: string, work: string): Promise<void> {
  const output = openSync(log, 'a');
  try {
    const code = await new Promise<number>((resolve, reject) => {
      const child = startInLab('runc', args, {
        stdio: ['ignore', output, output],
      });
      child.once('error', reject);
      child.once('exit', (status) => resolve(status ?? 1));
    });
    if (code !== 0) {
      const errors = await run('grep', ['-h', 'Error', path.join(work, 'restore.log')], {
        allowFailure: true,
      });
      throw new Error(`runc restore: ${readFileSync(log, 'utf8')}\n${errors.stdout}`);
    }
  } finally {
    closeSync(output);
  }
}

/** As an image's layer is unpacked: whiteouts take away what is below them, the rest is laid over. */
async function applyLayer(layer: string, rootfs: string): Promise<void> {
  for (const [name, { type }] of await readLayer(layer)) {
    const { dir, base } = path.parse(name);
    if (base === '.wh..wh..opq') {
      await run('find', [path.join(rootfs, dir), '-mindepth', '1', '-delete']);
    } else if (base.startsWith('.wh.')) {
      rmSync(path.join(rootfs, dir, base.slice('.wh.'.length)), { recursive: true, force: true });
    } else if (type !== 'directory' && isDirectory(path.join(rootfs, name))) {
      rmSync(path.join(rootfs, name), { recursive: true });
    }
  }
  const keepAll = ['--numeric-owner', '--same-owner', '--preserve-permissions', '--xattrs'];
  await run('tar', [
    '--extract',
    ...keepAll,
    '--xattrs-include=*',
    '--exclude=.wh.*',
    '--file',
    layer,
    '--directory',
    rootfs,
  ]);
}

function isDirectory(file: string): boolean {
  return existsSync(file) && lstatSync(file).isDirectory();
}
