import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianPackage } from './base-layer.ts';
import { controlFields } from './debian.ts';
import { type Manifest, type Platform, repositoryRoot } from './names.ts';
import type { Pins } from './pins.ts';
import { type Component, debPurl, npmPurl } from './sbom.ts';

export function productComponent({ version, license }: Manifest): Component {
  const purl = `pkg:generic/stillpoint@${version}`;
  return { type: 'application', name: 'stillpoint', version, purl, licence: license };
}

/** The Debian packages of the base: names and sources from their own control files. */
export function debianComponents(
  pins: Pins,
  platform: Platform,
  packages: readonly DebianPackage[],
): Component[] {
  return pins.debian[platform].map(({ name, version, sha256 }, at) => {
    const fields = controlFields(packages[at]?.control ?? '');
    return {
      type: 'library',
      name,
      version,
      purl: debPurl(name, version, platform, pins.suite),
      sha256,
      properties: {
        'stillpoint:source': fields.get('Source') ?? name,
        'stillpoint:copyright': `/usr/share/doc/${name}/copyright`,
      },
    };
  });
}

export function nodeComponent(version: string, sha256: string): Component {
  return {
    type: 'application',
    name: 'node',
    version,
    purl: `pkg:generic/node@${version}`,
    licence: 'MIT',
    sha256,
    properties: { 'stillpoint:copyright': '/usr/share/doc/node/copyright' },
  };
}

/** The npm packages that the bundle holds code of, from their own package.json. */
export function npmComponents(packageDirs: readonly string[]): Component[] {
  return packageDirs.map((directory) => {
    const path = join(repositoryRoot, directory, 'package.json');
    const { name, version, license } = JSON.parse(readFileSync(path, 'utf8')) as {
      name: string;
      version: string;
      license?: string;
    };
    return {
      type: 'library',
      name,
      version,
      purl: npmPurl(name, version),
      ...(license !== undefined && { licence: license }),
    };
  });
}
