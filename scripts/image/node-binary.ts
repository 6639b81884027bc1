import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { cacheDir, type Platform, platforms } from './names.ts';
import type { NodePin, Pins } from './pins.ts';
import { run, step } from './process.ts';
import { readTar } from './tar.ts';

export interface NodeFiles {
  binary: Buffer;
  license: Buffer;
}

/**
 * node of the pinned version for that processor, and its licence: from the npm package that the
 * devDependency `node` installs its binary from. Not stripped: that would save 4 MB of the
 * archive, and the bytes would no longer be those that everybody else runs.
 */
export async function nodeFiles(pins: Pins, platform: Platform): Promise<NodeFiles> {
  const { version, binaries } = pins.node;
  const files = await filesOf(version, platform, binaries[platform].integrity);
  const sha256 = sha256Of(files.binary);
  if (sha256 === binaries[platform].sha256) return files;
  throw new Error(
    `node ${version} for ${platform} has the SHA-256 ${sha256}; ` +
      `scripts/image/pins.json has ${binaries[platform].sha256}`,
  );
}

/** What npm says today of node of that version for that processor, for the pins. */
export async function pinOfNode(version: string, platform: Platform): Promise<NodePin> {
  const printed = await run('npm', ['view', packageOf(version, platform), 'dist.integrity']);
  const integrity = printed.toString().trim();
  const { binary } = await filesOf(version, platform, integrity);
  return { integrity, sha256: sha256Of(binary) };
}

async function filesOf(version: string, platform: Platform, integrity: string): Promise<NodeFiles> {
  const tarball = await fetchTarball(packageOf(version, platform), integrity);
  const entries = readTar(gunzipSync(readFileSync(tarball)));
  const fileNamed = (name: string) => {
    const found = entries.find((entry) => entry.name === name);
    if (found?.type !== 'file') throw new Error(`${tarball} holds no ${name}`);
    return found.data;
  };
  return { binary: fileNamed('package/bin/node'), license: fileNamed('package/LICENSE') };
}

async function fetchTarball(name: string, integrity: string): Promise<string> {
  const directory = join(cacheDir, 'node');
  const file = join(directory, `${name}.tgz`);
  if (existsSync(file)) return file;
  mkdirSync(directory, { recursive: true });
  await step(`fetching ${name}`, async () => {
    const unchecked = mkdtempSync(join(directory, 'npm-'));
    try {
      const printed = await run('npm', ['pack', '--silent', name], { cwd: unchecked });
      const fetched = join(unchecked, printed.toString().trim().split('\n').at(-1) ?? '');
      checkIntegrity(fetched, integrity);
      renameSync(fetched, file);
    } finally {
      rmSync(unchecked, { recursive: true, force: true });
    }
  });
  return file;
}

function checkIntegrity(file: string, integrity: string): void {
  const hash = createHash('sha512').update(readFileSync(file)).digest('base64');
  if (`sha512-${hash}` === integrity) return;
  throw new Error(`${file} is sha512-${hash}, but should be ${integrity}`);
}

function packageOf(version: string, platform: Platform): string {
  return `${platforms[platform].nodePackage}@${version}`;
}

function sha256Of(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
