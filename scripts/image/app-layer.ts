import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { text, withDirectories } from './base-layer.ts';
import { repositoryRoot } from './names.ts';
import type { NodeFiles } from './node-binary.ts';
import type { TarEntry } from './tar.ts';

export const entryPoint = '/usr/bin/stillpoint';
const home = 'opt/stillpoint';
export const documents = 'usr/share/doc/stillpoint';
const SHEBANG = '#!/usr/bin/env node\n';

/** node, and its licence where Debian keeps such texts. */
export function nodeEntries({ binary, license }: NodeFiles): TarEntry[] {
  const there = new Set(['usr', 'usr/bin', 'usr/share', 'usr/share/doc']);
  const entries: TarEntry[] = [
    { type: 'file', name: 'usr/bin/node', mode: 0o755, data: binary },
    { type: 'file', name: 'usr/share/doc/node/copyright', mode: 0o644, data: license },
  ];
  return withDirectories(entries, there);
}

/**
 * The bundle and what belongs to it. The command is a link to a script that node runs: no shell is
 * needed, nor env, and node looks for the bundle's other files where the link leads.
 */
export function appEntries(
  bundleDir: string,
  packageDirs: readonly string[],
  sbom: string,
): TarEntry[] {
  const there = new Set(['usr', 'usr/bin', 'usr/share', 'usr/share/doc']);
  const entries: TarEntry[] = [
    ...filesIn(bundleDir, home).map((entry) =>
      entry.name === `${home}/stillpoint.mjs` ? asCommand(entry) : entry,
    ),
    {
      type: 'link',
      name: entryPoint.slice(1),
      mode: 0o777,
      target: `../../${home}/stillpoint.mjs`,
    },
    text(`${documents}/copyright`, readFileSync(join(repositoryRoot, 'LICENSE'), 'utf8')),
    text(`${documents}/sbom.json`, sbom),
    ...packageDirs.flatMap(licenceEntries),
  ];
  return withDirectories(entries, there);
}

function asCommand(entry: TarEntry): TarEntry {
  const script = entry.type === 'file' ? entry.data.toString() : '';
  if (!script.startsWith(SHEBANG)) throw new Error(`the bundle does not begin with ${SHEBANG}`);
  const data = Buffer.from(`#!/usr/bin/node\n${script.slice(SHEBANG.length)}`);
  return { type: 'file', name: entry.name, mode: 0o755, data };
}

function filesIn(directory: string, under: string): TarEntry[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name))
    .map((path) => ({
      type: 'file',
      name: `${under}/${relative(directory, path).split(sep).join('/')}`,
      mode: 0o644,
      data: readFileSync(path),
    }));
}

/** The texts that the licences of bundled packages ask to be kept with them. */
function licenceEntries(packageDir: string): TarEntry[] {
  const name = packageDir.slice(packageDir.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return readdirSync(join(repositoryRoot, packageDir))
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .map((file) => ({ file, path: join(repositoryRoot, packageDir, file) }))
    .filter(({ path }) => statSync(path).isFile())
    .map(({ file, path }) => ({
      type: 'file',
      name: `${documents}/licenses/${name}/${file}`,
      mode: 0o644,
      data: readFileSync(path),
    }));
}
