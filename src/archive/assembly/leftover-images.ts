import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, nodeCodeOf } from '../../base/index.ts';
import { imagesRoot } from '../../capture/index.ts';
import { fromFs } from '../fs-errors.ts';
import { isThere } from '../is-there.ts';
import { isArchiveName } from '../names.ts';
import type { RecordReading } from '../records.ts';
import { type FolderFacts, listEntries, readFolder } from './folder.ts';
import { lacksImages } from './plan-members.ts';
import { type Removal, removeFlat, removeImages } from './remove-images.ts';

/**
 * What a crash, or a person, can leave of the images of a capture: every state has a name, a
 * decision and the reason why it is safe. `take-up` leaves the folder to who asks for its archive
 * (keep, at the start of the agent); those who know that a capture failed remove it.
 */
export const imageLeftovers = {
  'images-claimed': {
    decision: 'take-up',
    reason: 'the journal has a capture of it that did not end: its archive is made or waited for',
  },
  'images-recorded': {
    decision: 'remove',
    reason: 'archive and record are in place: only the removal of the parts was left to do',
  },
  'images-of-ended': {
    decision: 'remove',
    reason: 'the journal knows that its capture ended, with an archive or without one',
  },
  'images-lost': {
    decision: 'remove',
    reason: 'they lay in memory, which does not outlive the node: nothing is left but notes',
  },
  'images-incomplete': {
    decision: 'remove',
    reason: 'no capture claims it, and a dump that did not end, or was half removed, is of no use',
  },
  'images-unclaimed': {
    decision: 'keep',
    reason: 'whole, and no journal knows of it (a new state.db): nothing is deleted in doubt',
  },
  'images-foreign': {
    decision: 'keep',
    reason: 'a link, or a name that neither Stillpoint nor the runtime gives there',
  },
  'images-without-folder': {
    decision: 'remove',
    reason: 'in memory, where the folder that is written before them and removed after is gone',
  },
  'images-of-another-agent': {
    decision: 'keep',
    reason: 'in memory, without a folder here and younger than an hour: another agent may write it',
  },
} as const;

export type ImageLeftoverCode = keyof typeof imageLeftovers;

/** What the journal says of the capture whose archive has that path. */
export type ImagesClaim = 'unfinished' | 'ended' | 'unknown';

/** Facts about one entry of `.stillpoint/images/`. */
export interface ImageLeftoverFacts {
  /** A directory, named like an archive, and nothing in it but files where files belong. */
  isOurs: boolean;
  claim: ImagesClaim;
  archivePresent: boolean;
  /** A sound record of that archive. */
  recordPresent: boolean;
  /** The note of before the freeze can be read and names a directory that is not there. */
  imagesGone: boolean;
  /** All that CRIU writes last is there, with the note of before the freeze. */
  imagesWhole: boolean;
}

/** The row of the table. Pure; every combination has exactly one. */
export function judgeImages(facts: ImageLeftoverFacts): ImageLeftoverCode {
  if (!facts.isOurs) return 'images-foreign';
  if (facts.archivePresent && facts.recordPresent) return 'images-recorded';
  if (facts.claim === 'unfinished') return 'images-claimed';
  if (facts.claim === 'ended') return 'images-of-ended';
  if (facts.imagesGone) return 'images-lost';
  return facts.imagesWhole ? 'images-unclaimed' : 'images-incomplete';
}

/** One entry that was found, and what became of it where it was to be removed. */
export interface ImageLeftover {
  /** Absolute. */
  path: string;
  code: ImageLeftoverCode;
  removal?: Removal;
}

export interface ImageLeftoverTools {
  /** The checkpoints directory. */
  directory: string;
  /** Where images lie that are not put on the disk; it need not be there. */
  memoryDirectory?: string;
  clock: Clock;
  claimOf(archivePath: string): ImagesClaim;
  readRecord(archive: string): Promise<RecordReading>;
}

/**
 * Looks through the images at the start, carries the decisions out and returns what was found.
 * Errors: `not-writable`, `io`.
 */
export async function clearImageLeftovers(tools: ImageLeftoverTools): Promise<ImageLeftover[]> {
  const root = imagesRoot(tools.directory);
  const found: ImageLeftover[] = [];
  for (const name of await namesIn(root)) {
    const path = join(root, name);
    const code = judgeImages(await factsOf(tools, path));
    const toRemove = imageLeftovers[code].decision === 'remove';
    found.push({ path, code, ...(toRemove && { removal: await removeImages(path) }) });
  }
  return [...found, ...(await clearMemory(tools, new Set(await namesIn(root))))];
}

/** Nodes of one machine (a lab, nodes in containers) may share the memory, but not the disk. */
const OTHERS_MS = 3_600_000;

/** Images in memory of which no folder of ours tells. */
async function clearMemory(
  { memoryDirectory, clock }: ImageLeftoverTools,
  known: ReadonlySet<string>,
): Promise<ImageLeftover[]> {
  const found: ImageLeftover[] = [];
  if (memoryDirectory === undefined) return found;
  for (const name of await namesIn(memoryDirectory)) {
    const path = join(memoryDirectory, name);
    if (known.has(name)) continue;
    if (!isArchiveName(`${name}.tar`)) {
      found.push({ path, code: 'images-foreign' });
      continue;
    }
    const { mtimeMs } = await lstat(path);
    if (clock.wallMs() - mtimeMs < OTHERS_MS) {
      found.push({ path, code: 'images-of-another-agent' });
      continue;
    }
    await removeFlat(join(path, 'checkpoint'));
    await removeFlat(path);
    const removal: Removal = (await isThere(path))
      ? { kind: 'left', why: 'something else lies in it' }
      : { kind: 'removed' };
    found.push({ path, code: 'images-without-folder', removal });
  }
  return found;
}

async function factsOf(tools: ImageLeftoverTools, path: string): Promise<ImageLeftoverFacts> {
  const archive = `${basename(path)}.tar`;
  const archivePath = join(tools.directory, archive);
  const nothing = { archivePresent: false, recordPresent: false };
  const none = { ...nothing, imagesGone: false, imagesWhole: false, claim: 'unknown' } as const;
  if (!isArchiveName(archive)) return { isOurs: false, ...none };
  const stat = await lstat(path);
  if (!stat.isDirectory()) return { isOurs: false, ...none };
  const folder = await readFolder(path);
  return {
    isOurs: await isOfOurs(folder),
    claim: tools.claimOf(archivePath),
    archivePresent: await isThere(archivePath),
    recordPresent: (await tools.readRecord(archive)).kind === 'sound',
    imagesGone: folder.manifest.kind === 'read' && folder.images === undefined,
    imagesWhole: folder.manifest.kind === 'read' && lacksImages(folder) === undefined,
  };
}

const TOP_LEVEL = new Set(['checkpoint', 'work']);

/** Half-written files of ours may have other names; links and directories never come from us. */
async function isOfOurs({ folder, images = [], work }: FolderFacts): Promise<boolean> {
  const top = await listEntries(folder);
  const areOurs = top.every(({ name, kind }) =>
    TOP_LEVEL.has(name) ? kind === 'directory' : kind === 'file',
  );
  return areOurs && [...images, ...work].every(({ kind }) => kind === 'file');
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return [];
    throw fromFs(error, 'list', path);
  }
}
