import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildBundle } from '../build.ts';
import { appEntries, nodeEntries } from './app-layer.ts';
import { baseEntries, type DebianPackage, readDeb } from './base-layer.ts';
import { debianComponents, nodeComponent, npmComponents, productComponent } from './components.ts';
import { imageConfig } from './config.ts';
import { fetchDebs } from './debian.ts';
import { cachedLayer, writeWhole } from './layer-cache.ts';
import {
  cacheDir,
  fileNames,
  imageName,
  type Manifest,
  type Platform,
  readManifest,
  repositoryRoot,
} from './names.ts';
import { nodeFiles } from './node-binary.ts';
import { type Layer, makeArchive, makeLayer, type OciImage } from './oci.ts';
import { imageTimeSeconds, type Pins, readPins } from './pins.ts';
import { step } from './process.ts';
import { recipeOf } from './recipe.ts';
import { sbomText } from './sbom.ts';
import { unpackLayers } from './unpack.ts';

export interface ImageOptions {
  /** The processor it is for; amd64 when left out. */
  platform?: Platform;
  /** Where the archive goes; dist/image when left out. */
  directory?: string;
  /** Make everything again, though nothing has changed. What was fetched is not fetched again. */
  fresh?: boolean;
  /** A new directory that the image's files are written into, too. */
  unpacked?: string;
}

export interface BuiltImage {
  /** The OCI archive. */
  archive: string;
  /** The name that the archive gives the image: `NAME:TAG`. */
  reference: string;
  /** `sha256:…` of the image's manifest. */
  digest: string;
  archiveBytes: number;
  /** What the layers take on a node. */
  unpackedBytes: number;
  /** The list of what is inside, beside the archive. */
  sbom: string;
  /** A hash of all that it was made of: the sources, the pins, the packer. */
  recipe: string;
}

/** Makes the image, unless the archive that is there was made of exactly what is here now. */
export async function buildImage(options: ImageOptions = {}): Promise<BuiltImage> {
  const { platform = 'amd64' } = options;
  const directory = resolve(options.directory ?? join(repositoryRoot, 'dist/image'));
  const manifest = readManifest();
  const pins = readPins();
  const timeSeconds = imageTimeSeconds(pins);
  const recipe = recipeOf([platform, String(timeSeconds)]);
  const names = fileNames(manifest.version, platform);
  const summary = join(directory, names.summary);
  if (options.fresh !== true && options.unpacked === undefined) {
    const before = builtBefore(summary, recipe);
    if (before) return before;
  }
  mkdirSync(directory, { recursive: true });
  // The summary goes first and comes last: a build that dies half way must not look finished.
  rmSync(summary, { force: true });
  const context = { platform, manifest, pins, timeSeconds, fresh: options.fresh === true };
  const { image, sbom } = await composeImage(context);
  if (options.unpacked !== undefined) unpackLayers(image.layers, resolve(options.unpacked));
  const { archive, digest } = makeArchive(image, timeSeconds);
  writeWhole(join(directory, names.archive), archive);
  writeWhole(join(directory, names.sbom), Buffer.from(sbom));
  const built: BuiltImage = {
    archive: join(directory, names.archive),
    reference: image.reference,
    digest,
    archiveBytes: archive.length,
    unpackedBytes: image.layers.reduce((sum, layer) => sum + layer.unpackedBytes, 0),
    sbom: join(directory, names.sbom),
    recipe,
  };
  writeWhole(summary, Buffer.from(`${JSON.stringify(built, null, 2)}\n`));
  return built;
}

function builtBefore(summary: string, recipe: string): BuiltImage | undefined {
  if (!existsSync(summary)) return undefined;
  const built = JSON.parse(readFileSync(summary, 'utf8')) as BuiltImage;
  const whole =
    existsSync(built.archive) &&
    existsSync(built.sbom) &&
    statSync(built.archive).size === built.archiveBytes;
  return built.recipe === recipe && whole ? built : undefined;
}

interface Context {
  platform: Platform;
  manifest: Manifest;
  pins: Pins;
  timeSeconds: number;
  fresh: boolean;
}

async function composeImage(context: Context): Promise<{ image: OciImage; sbom: string }> {
  const { platform, manifest, pins, timeSeconds } = context;
  if (manifest.devDependencies.node !== pins.node.version) {
    throw new Error(
      `package.json has node ${manifest.devDependencies.node}, scripts/image/pins.json has ` +
        `${pins.node.version}: npm run image -- --update-pins`,
    );
  }
  const debs = await fetchDebs(pins, platform);
  const packages = await Promise.all(debs.map(readDeb));
  const created = new Date(timeSeconds * 1000).toISOString().replace('.000', '');
  const base = await baseLayer(context, packages);
  const node = await nodeLayer(context);
  const { app, sbom } = await appLayer(context, packages, created);
  const image: OciImage = {
    reference: `${imageName}:${manifest.version}`,
    architecture: platform,
    created,
    config: imageConfig(manifest),
    layers: [base, node, app],
  };
  return { image, sbom };
}

/** Base and node change seldom and take longest to pack, so their layers are kept. */
function keptLayer(
  { platform, timeSeconds, fresh, pins }: Context,
  name: string,
  make: () => Promise<Layer>,
): Promise<Layer> {
  if (fresh) return make();
  const words = [platform, String(timeSeconds), JSON.stringify(pins)];
  const recipe = recipeOf(words, ['scripts/image']).slice(0, 16);
  return cachedLayer(join(cacheDir, 'layers'), `${name}-${platform}`, recipe, make);
}

function baseLayer(context: Context, packages: readonly DebianPackage[]): Promise<Layer> {
  const { pins, timeSeconds } = context;
  const purpose = `Debian ${pins.suite}: the libraries of node`;
  return keptLayer(context, 'base', () =>
    step('packing the Debian base', () => makeLayer(purpose, baseEntries(packages), timeSeconds)),
  );
}

function nodeLayer(context: Context): Promise<Layer> {
  const { pins, platform, timeSeconds } = context;
  return keptLayer(context, 'node', async () => {
    const files = await nodeFiles(pins, platform);
    return step('packing node', () =>
      makeLayer(`node ${pins.node.version}`, nodeEntries(files), timeSeconds),
    );
  });
}

async function appLayer(
  { platform, manifest, pins, timeSeconds }: Context,
  packages: readonly DebianPackage[],
  created: string,
): Promise<{ app: Layer; sbom: string }> {
  const bundleDir = mkdtempSync(join(tmpdir(), 'stillpoint-image-'));
  try {
    return await step('bundling and packing stillpoint', async () => {
      const { packageDirs } = await buildBundle(bundleDir);
      const sbom = sbomText({
        product: productComponent(manifest),
        created,
        components: [
          ...debianComponents(pins, platform, packages),
          nodeComponent(pins.node.version, pins.node.binaries[platform].sha256),
          ...npmComponents(packageDirs),
        ],
      });
      const entries = appEntries(bundleDir, packageDirs, sbom);
      return { app: makeLayer(`stillpoint ${manifest.version}`, entries, timeSeconds), sbom };
    });
  } finally {
    rmSync(bundleDir, { recursive: true, force: true });
  }
}
