import { newestPins } from './debian.ts';
import { type Platform, platforms, readManifest } from './names.ts';
import { pinOfNode } from './node-binary.ts';
import { debianSuite, type Pins, writePins } from './pins.ts';
import { step } from './process.ts';

/** Takes today's Debian packages, and node as package.json has it, into scripts/image/pins.json. */
export async function updatePins(): Promise<void> {
  const { node } = readManifest().devDependencies;
  await step(`pinning Debian ${debianSuite} and node ${node} as they are today`, async () => {
    const pins: Pins = {
      suite: debianSuite,
      date: new Date().toISOString().slice(0, 10),
      debian: await forEachPlatform((platform) => newestPins(debianSuite, platform)),
      node: { version: node, binaries: await forEachPlatform((of) => pinOfNode(node, of)) },
    };
    writePins(pins);
  });
}

async function forEachPlatform<T>(
  ask: (platform: Platform) => Promise<T>,
): Promise<Record<Platform, T>> {
  const names = Object.keys(platforms) as Platform[];
  const answers = await Promise.all(names.map(async (name) => [name, await ask(name)] as const));
  return Object.fromEntries(answers) as Record<Platform, T>;
}
