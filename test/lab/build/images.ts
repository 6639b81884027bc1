import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { imagesDir } from '../layout.ts';
import type { Product } from './stamp.ts';
import { type TarEntry, tar } from './tar-writer.ts';

export const workImage = 'lab.local/work:1';
export const pauseImage = 'lab.local/pause:1';
export const imageFiles = [path.join(imagesDir, 'pause.tar'), path.join(imagesDir, 'work.tar')];

const sourcesDir = path.resolve(import.meta.dirname, '../workload');
const workloads = ['hog', 'counter', 'family', 'scribble', 'answer', 'fill'] as const;
const commands =
  'sh sleep cat echo date ls nc httpd touch rm wget ps kill dd tail head seq mkdir true false env id';

/** Images without a registry: archives as "docker save" makes them, imported straight into containerd. */
export const imagesProduct: Product = {
  name: 'images',
  get recipe() {
    return `format 2\n${commands}\n${sourcesHash()}\n`;
  },
  files: imageFiles,
  build: async () => {
    mkdirSync(imagesDir, { recursive: true });
    for (const name of workloads) {
      const source = path.join(sourcesDir, `${name}.c`);
      const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-static', '-pthread'];
      await run('gcc', [...flags, source, '-o', path.join(imagesDir, name)]);
    }
    const layer = tar(rootEntries());
    writeImage('work', workImage, layer, ['/bin/sh']);
    writeImage('pause', pauseImage, layer, ['/bin/sleep', '2147483647']);
  },
};

function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(sourcesDir).sort()) {
    hash.update(file).update(readFileSync(path.join(sourcesDir, file)));
  }
  return hash.digest('hex');
}

function rootEntries(): TarEntry[] {
  return [
    { name: 'bin/', mode: 0o755 },
    { name: 'bin/busybox', mode: 0o755, data: readFileSync('/bin/busybox') },
    ...commands.split(' ').map((name) => ({ name: `bin/${name}`, mode: 0o777, link: 'busybox' })),
    ...workloads.map((name) => ({
      name: `bin/${name}`,
      mode: 0o755,
      data: readFileSync(path.join(imagesDir, name)),
    })),
    { name: 'tmp/', mode: 0o1777 },
    { name: 'etc/', mode: 0o755 },
    { name: 'etc/passwd', mode: 0o644, data: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
    ...lowerEntries(),
  ];
}

/** What `scribble` changes and removes. */
function lowerEntries(): TarEntry[] {
  const folders = ['', 'removed/', 'opaque/', 'opaque/sub/', 'becomes-file/'];
  const files =
    'kept deleted removed/a removed/b opaque/old opaque/sub/old becomes-file/x becomes-dir ' +
    'becomes-link mode owner appended renamed';
  return [
    ...folders.map((name) => ({ name: `lower/${name}`, mode: 0o755 })),
    ...files.split(' ').map((name) => ({
      name: `lower/${name}`,
      mode: 0o644,
      data: Buffer.from(`${name} of the image\n`),
    })),
  ];
}

function writeImage(file: string, tag: string, layer: Buffer, command: readonly string[]): void {
  const layerHash = sha256(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: command, Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layerHash}`] },
    }),
  );
  const configName = `${sha256(config)}.json`;
  const layerName = `${layerHash}/layer.tar`;
  const manifest = [{ Config: configName, RepoTags: [tag], Layers: [layerName] }];
  const archive = tar([
    { name: configName, mode: 0o644, data: config },
    { name: layerName, mode: 0o644, data: layer },
    { name: 'manifest.json', mode: 0o644, data: Buffer.from(JSON.stringify(manifest)) },
  ]);
  writeFileSync(path.join(imagesDir, `${file}.tar`), archive);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
