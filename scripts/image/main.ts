import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuiltImage, buildImage } from './build-image.ts';
import { type Platform, platforms } from './names.ts';
import { updatePins } from './update-pins.ts';

/*
 * npm run image -- [--platform linux/amd64|linux/arm64] [--directory DIRECTORY] [--fresh]
 *                  [--unpacked DIRECTORY] [--update-pins] [--output table|json]
 *
 * Writes the container image as an OCI archive to dist/image, with the list of what is inside
 * beside it, and says its name, digest and size. --fresh makes it again though nothing changed.
 * --unpacked also writes the image's files into a new directory, for deploy/Dockerfile.
 * --update-pins first takes the newest Debian packages, and node as package.json has it, into
 * scripts/image/pins.json.
 */
try {
  const { values } = parseArgs({
    options: {
      platform: { type: 'string', default: 'linux/amd64' },
      directory: { type: 'string' },
      unpacked: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      output: { type: 'string', default: 'table' },
      'update-pins': { type: 'boolean', default: false },
    },
  });
  const platform = platformOf(values.platform);
  if (values['update-pins']) await updatePins();
  const { directory, fresh, unpacked } = values;
  const built = await buildImage({ platform, directory, fresh, unpacked });
  process.stdout.write(
    values.output === 'json' ? `${JSON.stringify(built, null, 2)}\n` : describe(built),
  );
} catch (error) {
  process.stderr.write(`image: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function describe({ reference, digest, archive, archiveBytes, unpackedBytes, sbom }: BuiltImage) {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return (
    `${reference}\n` +
    `digest   ${digest}\n` +
    `archive  ${relative(process.cwd(), archive)} (${megabytes(archiveBytes)}, ` +
    `${megabytes(unpackedBytes)} unpacked)\n` +
    `contents ${relative(process.cwd(), sbom)}\n`
  );
}

function platformOf(given: string): Platform {
  const found = (Object.keys(platforms) as Platform[]).find((name) => given === `linux/${name}`);
  if (found) return found;
  const known = Object.keys(platforms).map((name) => `linux/${name}`);
  throw new Error(`--platform is "${given}": it takes ${known.join(' or ')}`);
}
