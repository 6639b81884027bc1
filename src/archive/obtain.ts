import type { Clock } from '../base/index.ts';
import { isStillpointError } from '../base/index.ts';
import {
  type Assembled,
  assembleArchive,
  describeParts,
  type MissingMember,
  type Parts,
} from './assembly/index.ts';
import { openRegular } from './byte-source.ts';
import type { Finding } from './findings.ts';
import type { FileHash } from './hash.ts';
import { isThere } from './is-there.ts';
import type { RecordedDump } from './record.ts';
import { readTar } from './tar-reader.ts';

/** How an archive came to its place, and what only its parts tell of it. */
export type Origin =
  /** The runtime made it, or its parts are gone since it was recorded. */
  | { kind: 'not-of-parts' }
  | (OfParts & {
      kind: 'assembled';
      /** Of the bytes as they were written. */
      hash: FileHash;
      assemblyMs: number;
    })
  /** It was in place before: it gets its name only when it is whole and on disk. */
  | (OfParts & { kind: 'in-place' })
  | { kind: 'unusable'; finding: Finding };

interface OfParts {
  dump?: RecordedDump;
  missing?: readonly MissingMember[];
}

/**
 * Sees to it that the archive is in its place. One row for each state that a crash can leave:
 *
 * | archive | folder | what is done |
 * |---|---|---|
 * | there | none named | nothing: the runtime made it |
 * | there | there | nothing: it was made, its record is missing |
 * | there | gone | nothing: it was recorded, only the journal does not know |
 * | absent | there | it is made |
 * | absent | gone or none named | nothing: what reads it next says that it is missing |
 *
 * Errors: as of assembleArchive.
 */
export async function obtainArchive(
  archivePath: string,
  folder: string | undefined,
  tools: { clock: Clock; spareBytes?: () => number },
  signal?: AbortSignal,
): Promise<Origin> {
  if (folder === undefined) return { kind: 'not-of-parts' };
  try {
    if (await isThere(archivePath)) return await inPlace(archivePath, folder);
    const startedMs = tools.clock.monotonicMs();
    const spareBytes = tools.spareBytes?.();
    const made = await assembleArchive({ folder, archivePath, spareBytes, signal });
    return originOf(made, tools.clock.monotonicMs() - startedMs);
  } catch (error) {
    if (isStillpointError(error, 'not-found') && !(await isThere(folder))) {
      return { kind: 'not-of-parts' };
    }
    throw error;
  }
}

function originOf(made: Assembled, assemblyMs: number): Origin {
  if (made.kind === 'unusable') {
    return { kind: 'unusable', finding: { code: 'images-unusable', detail: made.why } };
  }
  const { sha256, identity } = made;
  return { kind: 'assembled', hash: { sha256, identity }, assemblyMs, ...ofParts(made) };
}

async function inPlace(archivePath: string, folder: string): Promise<Origin> {
  const parts = await describeParts(folder);
  if (parts.kind === 'unusable') return { kind: 'in-place' };
  // The log may have been rotated away since: what is in the archive is not missing.
  const names = await namesIn(archivePath);
  const missing = parts.missing.filter(({ member, isPartly }) => isPartly || !names.has(member));
  return { kind: 'in-place', ...ofParts({ ...parts, missing }) };
}

function ofParts({ manifest, dumped, missing }: Parts): OfParts {
  const { sequence, sequenceReason, consistency } = manifest;
  const dump: RecordedDump = { sequence, sequenceReason, consistency };
  if (dumped) dump.pause = dumped.pause;
  if (dumped?.stoodStillMs !== undefined) dump.stoodStillMs = dumped.stoodStillMs;
  if (dumped?.guardLapsed) dump.guardLapsed = true;
  return { dump, missing };
}

async function namesIn(archivePath: string): Promise<ReadonlySet<string>> {
  const file = await openRegular(archivePath).catch((error) => {
    // Something else took the name; verification says what.
    if (isStillpointError(error, 'bad-input')) return undefined;
    throw error;
  });
  if (!file) return new Set();
  try {
    return new Set((await readTar(file)).members.map(({ name }) => name));
  } finally {
    await file.close();
  }
}
