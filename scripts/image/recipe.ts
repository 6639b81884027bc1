import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './names.ts';

/** Everything in this repository that the image depends on. */
export const inputs = [
  'src',
  'proto',
  'rules',
  'scripts/build.ts',
  'scripts/image',
  'package.json',
  'package-lock.json',
  'LICENSE',
];

/** A hash of those files by name and content, of the packer's version, and of the words given. */
export function recipeOf(words: readonly string[], paths: readonly string[] = inputs): string {
  const hash = createHash('sha256');
  // The compressor is node's own: another version may pack differently.
  for (const word of [process.version, ...words]) hash.update(`${word}\0`);
  for (const file of paths.flatMap(filesAt)) {
    hash.update(`${file}\0`).update(readFileSync(join(repositoryRoot, file)));
  }
  return hash.digest('hex');
}

function filesAt(path: string): string[] {
  const full = join(repositoryRoot, path);
  if (statSync(full).isFile()) return [path];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name).slice(repositoryRoot.length + 1))
    .sort();
}
