/**
 * `npm run build`: one bundle to ship, dist/stillpoint.mjs, with the worker modules and the .proto
 * files beside it (src/base/assets.ts finds them). Modules that are imported lazily become chunks,
 * so that a command pays only for what it uses.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

await build({
  absWorkingDir: root,
  entryPoints: {
    stillpoint: 'src/cli/main.ts',
    'hash-worker': 'src/archive/hash-worker.ts',
  },
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  // Flat: assets.ts looks for the shipped files beside the module that it ended up in.
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  legalComments: 'linked',
  define: { 'process.env.STILLPOINT_VERSION': JSON.stringify(version) },
  // Packages written for CommonJS call require(); an ES module has none of its own.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

cpSync(join(root, 'proto'), join(dist, 'proto'), { recursive: true });
cpSync(join(root, 'rules'), join(dist, 'rules'), { recursive: true });
const main = join(dist, 'stillpoint.mjs');
writeFileSync(main, `#!/usr/bin/env node\n${readFileSync(main, 'utf8')}`);
chmodSync(main, 0o755);
process.stdout.write(`dist/stillpoint.mjs ${Math.round(statSync(main).size / 1024)} KiB\n`);
