import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the files that ship beside the code lie. In development this module is src/base/assets.ts
 * and assets are relative to the repository; in the bundle it is dist/stillpoint.mjs and they are
 * copied beside it (scripts/build.ts).
 */
const inBundle = !import.meta.url.endsWith('.ts');
const home = fileURLToPath(new URL(inBundle ? '.' : '../../', import.meta.url));

/** The path of a shipped file, for example `proto/cri.proto`. */
export function assetPath(relative: string): string {
  return join(home, relative);
}

/**
 * The module of a worker thread: `source` is its path in the repository
 * (`src/archive/hash-worker.ts`); the bundle holds it as `<basename>.mjs`.
 */
export function workerPath(source: string): string {
  if (!inBundle) return join(home, source);
  const base = source.slice(source.lastIndexOf('/') + 1).replace(/\.ts$/, '.mjs');
  return join(home, base);
}
