import { isStillpointError } from '../../base/index.ts';
import type { DumpedFacts, ImagesManifest } from '../../capture/index.ts';
import { type FolderFacts, readFolder } from './folder.ts';
import type { Member, MissingMember } from './member.ts';
import { type MembersPlan, planMembers } from './plan-members.ts';
import { readLog } from './read-log.ts';

/** What was noted of a capture, and what its archive lacks. */
export interface Parts {
  manifest: ImagesManifest;
  /** Absent when the agent ended before the dump was noted. */
  dumped?: DumpedFacts;
  missing: readonly MissingMember[];
}

/** What an archive of this folder would hold, without making one. Errors: as of readFolder. */
export async function describeParts(
  folder: string,
): Promise<({ kind: 'members' } & Parts) | { kind: 'unusable'; why: string }> {
  return planFolder(await readFolder(folder));
}

/** The plan of a folder's archive, with the log as it is now. */
export async function planFolder(facts: FolderFacts): Promise<MembersPlan> {
  const { manifest } = facts;
  const log = manifest.kind === 'read' ? await readLog(manifest.value.logPath) : {};
  return planMembers(facts, log);
}

/** The bytes of the members' own data. */
export function dataBytes(members: readonly Member[]): number {
  let bytes = 0;
  for (const member of members) {
    if (member.kind === 'bytes') bytes += member.data.length;
    if (member.kind === 'file') bytes += member.bytes;
  }
  return bytes;
}

/**
 * All that lies in the folder and in the directory of its images, for whoever waits until it stops
 * growing; undefined when there is no folder. Errors: `not-writable`, `io`.
 */
export async function imagesBytes(folder: string): Promise<number | undefined> {
  try {
    const { images = [], work, rootfsDiff } = await readFolder(folder);
    let bytes = rootfsDiff?.bytes ?? 0;
    for (const entry of [...images, ...work]) bytes += entry.bytes;
    return bytes;
  } catch (error) {
    if (isStillpointError(error, 'not-found')) return undefined;
    throw error;
  }
}
