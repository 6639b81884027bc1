/**
 * `npm run build [-- DIRECTORY]`: one bundle to ship, dist/stillpoint.mjs, with the worker modules
 * and the .proto files beside it (src/base/assets.ts finds them). Modules that are imported lazily
 * become chunks, so that a command pays only for what it uses.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Node gives a CommonJS package that is imported lazily its named exports; esbuild gives only
 * `default`. A module between them names the exports as Node does, so that the bundle and
 * development are the same.
 */
const lazyPackages: Plugin = {
  name: 'lazy-packages',
  setup({ onResolve, onLoad }) {
    const namespace = 'lazy-package';
    onResolve({ filter: /^[^./]/ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined;
      return { path, namespace, pluginData: resolveDir };
    });
    onLoad({ filter: /./, namespace }, async ({ path, pluginData }) => {
      const exported: object = await import(path);
      const names = Object.keys(exported).filter((name) => /^(?!default$)[\w$]+$/.test(name));
      const contents = `export { ${names.join(', ')} } from ${JSON.stringify(path)};`;
      return { contents, resolveDir: pluginData };
    });
  },
};

/**
 * Of the Kubernetes library we use KubeConfig alone, but that file imports the generated client of
 * the whole API and an HTTP client of its own: 2.3 MB of code and 15 MB of memory. They are left
 * out; whoever calls them in the bundle gets an error that says so.
 */
const onlyKubeConfig: Plugin = {
  name: 'only-kubeconfig',
  setup({ onResolve, onLoad }) {
    const namespace = 'left-out';
    const library = join(root, 'node_modules/@kubernetes/client-node/dist');
    const leftOut: Record<string, readonly string[]> = {
      undici: ['Agent', 'ProxyAgent'],
      './gen/index.js': ['createConfiguration', 'ServerConfiguration'],
      './middleware.js': ['setHeaderMiddleware'],
    };
    onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
      path: join(library, 'config.js'),
    }));
    onResolve(
      { filter: /^(undici|\.\/gen\/index\.js|\.\/middleware\.js)$/ },
      ({ path, importer }) => (dirname(importer) === library ? { path, namespace } : undefined),
    );
    onLoad({ filter: /./, namespace }, ({ path }) => {
      const message = JSON.stringify(`${path} is left out of the bundle (scripts/build.ts)`);
      const names = leftOut[path] ?? [];
      const functions = names.map(
        (name) => `export function ${name}() { throw new Error(${message}); }`,
      );
      return { contents: functions.join('\n') };
    });
  },
};

/**
 * Our own modules do nothing when they are loaded but to define, except the entry points: of the
 * folders that it imports the guard process gets only what it calls.
 */
const quietModules: Plugin = {
  name: 'quiet-modules',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      return { path: resolve(resolveDir, path), sideEffects: false };
    });
  },
};

/** Packages that tree-shaking makes small must stay so: a namespace as a value keeps all of zod. */
function checkShaken(metafile: Metafile): void {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const locale = inputs.find(
    ([path, { bytesInOutput }]) => /zod\/v4\/locales\/(?!en\.)/.test(path) && bytesInOutput > 0,
  );
  if (locale === undefined) return;
  throw new Error(
    `the bundle holds ${locale[0]}: write "import * as z from 'zod'", and "import * as core from ` +
      `'zod/v4/core'" instead of z.core (7 MB of memory)`,
  );
}

export interface Bundle {
  /** Sizes in bytes by file name. */
  files: Record<string, number>;
  /** Directories of the npm packages that it holds code of, relative to the repository. */
  packageDirs: string[];
}

type CommonOptions = BuildOptions & { metafile: true };

/** Builds into `directory`, which is emptied first, but for the image of `npm run image`. */
export async function buildBundle(directory: string): Promise<Bundle> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory).filter((found) => found !== 'image')) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
  const common: CommonOptions = {
    absWorkingDir: root,
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    // Names stay, for stack traces; sources are kept in memory, so white space counts.
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'linked',
    metafile: true,
    define: { 'process.env.STILLPOINT_VERSION': JSON.stringify(version) },
    logLevel: 'warning',
  };
  const { metafile } = await build({
    ...common,
    entryPoints: {
      stillpoint: 'src/cli/main.ts',
      'hash-worker': 'src/archive/hash-worker.ts',
      'assembly-worker': 'src/archive/assembly/assembly-worker.ts',
    },
    // Flat: assets.ts looks for the shipped files beside the module that it ended up in.
    chunkNames: '[name]-[hash]',
    splitting: true,
    plugins: [lazyPackages, onlyKubeConfig],
    // Packages written for CommonJS call require(); an ES module has none of its own.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
  });
  checkShaken(metafile);
  // Without shared chunks: chunks hold whole folders, and it is to be small.
  const { metafile: guard } = await build({
    ...common,
    entryPoints: { 'guard-process': 'src/guard/guard-process.ts' },
    plugins: [quietModules],
  });
  const outputs = { ...metafile.outputs, ...guard.outputs };
  for (const name of ['proto', 'rules']) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  const main = join(directory, 'stillpoint.mjs');
  writeFileSync(main, `#!/usr/bin/env node\n${readFileSync(main, 'utf8')}`);
  chmodSync(main, 0o755);
  const files = Object.fromEntries(
    Object.entries(outputs).map(([path, { bytes }]) => [
      relative(directory, resolve(root, path)),
      bytes,
    ]),
  );
  return { files, packageDirs: packageDirsIn(metafile) };
}

function packageDirsIn(metafile: Metafile): string[] {
  const used = Object.values(metafile.outputs)
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(used.filter((path) => path !== undefined))].sort();
}

if (import.meta.main) {
  const directory = resolve(process.argv[2] ?? join(root, 'dist'));
  const { files } = await buildBundle(directory);
  const bytes = Object.values(files).reduce((sum, size) => sum + size, 0);
  const shown = relative(process.cwd(), join(directory, 'stillpoint.mjs'));
  process.stdout.write(
    `${shown}: ${Object.keys(files).length} files, ${Math.round(bytes / 1024)} KiB\n`,
  );
}
