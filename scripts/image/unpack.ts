import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Layer } from './oci.ts';
import { readTar, type TarEntry } from './tar.ts';

/** Writes the files of an image into a directory that is not there yet. */
export function unpackLayers(layers: readonly Layer[], directory: string): void {
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(directory);
  for (const { blob } of layers) {
    for (const entry of readTar(gunzipSync(blob))) unpackEntry(entry, join(directory, entry.name));
  }
}

function unpackEntry(entry: TarEntry, path: string): void {
  if (entry.type === 'link') {
    symlinkSync(entry.target, path);
    return;
  }
  if (entry.type === 'directory') mkdirSync(path, { recursive: true });
  else writeFileSync(path, entry.data);
  // By itself: what a new file or directory gets is cut by the umask.
  chmodSync(path, entry.mode);
}
