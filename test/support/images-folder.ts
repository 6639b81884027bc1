import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DumpedFacts,
  type ImagesManifest,
  imagesFolder,
  imagesFolderOf,
} from '../../src/capture/index.ts';
import { type CheckpointParts, checkpointMembers, exampleParts } from './checkpoint-archive.ts';
import type { TarItem } from './tar-writer.ts';

export interface MadeUpCapture {
  parts?: Partial<CheckpointParts>;
  manifest?: Partial<ImagesManifest>;
  /** null: the agent died before it was written. */
  dumped?: Partial<DumpedFacts> | null;
  /** null: none were taken. */
  rootfsDiff?: string | null;
  /** Above the directory for the images; beside the other parts when left out. */
  memory?: string;
}

/**
 * The folder of a capture whose archive is to lie at `archivePath`, with the images of
 * checkpointMembers(), as the backend leaves it. The workspace is made too.
 */
export function makeImagesFolder(archivePath: string, made: MadeUpCapture = {}): string {
  const directory = join(archivePath, '..');
  for (const name of ['records', 'removing', 'unfinished', 'images']) {
    mkdirSync(join(directory, '.stillpoint', name), { recursive: true });
  }
  const folder = imagesFolderOf(directory, archivePath);
  const paths = imagesFolder(folder);
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const images = made.memory ? join(made.memory, name, 'checkpoint') : paths.checkpoint;
  for (const path of [folder, images, paths.work]) mkdirSync(path, { recursive: true });
  const members = checkpointMembers(made.parts);
  for (const { name: member, data = '' } of members) {
    const [, image] = /^checkpoint\/(.+)$/.exec(member) ?? [];
    if (image) writeFileSync(join(images, image), data);
    if (['dump.log', 'stats-dump'].includes(member)) writeFileSync(join(paths.work, member), data);
  }
  const { rootfsDiff = 'a layer', dumped = {} } = made;
  if (rootfsDiff !== null) writeFileSync(paths.rootfsDiff, rootfsDiff);
  const manifest = { ...manifestOf(archivePath, images, members), ...made.manifest };
  writeFileSync(paths.manifest, JSON.stringify(manifest));
  if (dumped === null) return folder;
  const files =
    rootfsDiff === null ? { kind: 'none' } : { kind: 'taken', bytes: rootfsDiff.length };
  const facts = { version: 1, dumpedAtMs: 1_767_225_661_000, pause: 'none', files, ...dumped };
  writeFileSync(paths.dumped, JSON.stringify(facts));
  return folder;
}

function manifestOf(
  archivePath: string,
  imagesDirectory: string,
  members: readonly TarItem[],
): ImagesManifest {
  const json = (name: string): Record<string, unknown> =>
    JSON.parse(String(members.find((one) => one.name === name)?.data ?? '{}'));
  return {
    version: 1,
    containerId: exampleParts.containerId,
    archive: archivePath.slice(archivePath.lastIndexOf('/') + 1),
    imagesDirectory,
    createdAtMs: 1_767_225_660_000,
    spec: json('spec.dump'),
    status: {
      id: exampleParts.containerId,
      created_at: 5,
      started_at: 6,
      resources: { linux: {} },
    },
    config: json('config.dump'),
    logPath: '',
    pid: 4711,
    sequence: 'race',
    sequenceReason: 'auto: kind memory',
    consistency: 'frozen',
  };
}
