import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Layer } from './oci.ts';

/**
 * The layer that was made of exactly this recipe before, or a new one. One layer a name is kept,
 * so that the cache does not grow.
 */
export async function cachedLayer(
  directory: string,
  name: string,
  recipe: string,
  make: () => Promise<Layer>,
): Promise<Layer> {
  const stem = `${name}.${recipe}`;
  const [blobFile, factsFile] = [`${stem}.tar.gz`, `${stem}.json`];
  const at = (file: string) => join(directory, file);
  if (existsSync(at(factsFile)) && existsSync(at(blobFile))) {
    const facts = JSON.parse(readFileSync(at(factsFile), 'utf8')) as Omit<Layer, 'blob'>;
    return { ...facts, blob: readFileSync(at(blobFile)) };
  }
  const layer = await make();
  const { blob, ...facts } = layer;
  mkdirSync(directory, { recursive: true });
  for (const old of readdirSync(directory)) {
    if (old.startsWith(`${name}.`)) rmSync(at(old), { force: true });
  }
  writeWhole(at(blobFile), blob);
  writeWhole(at(factsFile), Buffer.from(JSON.stringify(facts)));
  return layer;
}

/** A file that is there is whole, whoever stops us. */
export function writeWhole(path: string, data: Buffer): void {
  const unfinished = `${path}.${process.pid}.part`;
  writeFileSync(unfinished, data);
  renameSync(unfinished, path);
}
