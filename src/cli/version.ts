import { readFileSync } from 'node:fs';
import { assetPath } from '../base/index.ts';

/** The version of this program: put in by the build, read from package.json in development. */
export function stillpointVersion(): string {
  const built = process.env.STILLPOINT_VERSION;
  if (built !== undefined) return built;
  const parsed = JSON.parse(readFileSync(assetPath('package.json'), 'utf8')) as { version: string };
  return `${parsed.version}-dev`;
}
