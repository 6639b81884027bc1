import { join } from 'node:path';
import { type DumpedFacts, type ImagesManifest, imagesFolder } from '../../capture/index.ts';
import { documentMembers } from './documents.ts';
import { ENTRIES_MAX, type FolderEntry, type FolderFacts } from './folder.ts';
import { type Member, type MissingMember, modes } from './member.ts';
import type { LogReading } from './read-log.ts';
import { NAME_BYTES_MAX } from './tar-blocks.ts';

/** What will be in the archive, in order; or why none can be made of the folder. */
export type MembersPlan =
  | {
      kind: 'members';
      members: readonly Member[];
      missing: readonly MissingMember[];
      manifest: ImagesManifest;
      dumped?: DumpedFacts;
    }
  | { kind: 'unusable'; why: string };

/** CRIU's and runc's names: pages-1.img, tmpfs-dev-56.tar.gz.img, descriptors.json. */
const IMAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** CRIU writes the first of these last: without both nothing can be restored or looked at. */
const REQUIRED_IMAGES = ['inventory.img', 'pstree.img'] as const;

/** Written by CRIU into its work directory, and as containerd names them. */
const WORK_MEMBERS = [
  { name: 'dump.log', mode: modes.own },
  { name: 'stats-dump', mode: modes.unpacked },
] as const;

const NOT_ENDED = 'the agent ended before it was taken';

/**
 * The members of an archive in containerd's own layout and order: `checkpoint/` with all that lies
 * in it, then the others, each level sorted by bytes. Pure.
 *
 * rootfs-diff.tar is a plain tar, as its name says and as CRI-O writes it, where containerd puts
 * gzip under that name: all readers (containerd's and CRI-O's restore, Podman) look at the first
 * bytes and take both, checkpointctl only tells its size, and packing 300 MB takes seconds of a
 * core of the node.
 */
export function planMembers(facts: FolderFacts, log: LogReading): MembersPlan {
  const { manifest, dumped } = facts;
  if (manifest.kind === 'none') return unusable('it has no capture.json');
  if (manifest.kind === 'bad') return unusable(manifest.why);
  if (dumped.kind === 'bad') return unusable(dumped.why);
  const refusal = refuseImages(facts);
  if (refusal !== undefined) return unusable(refusal);
  const lacking = lacksImages(facts);
  if (lacking !== undefined) return unusable(`the dump did not end: ${lacking}`);
  const known = dumped.kind === 'read' ? dumped.value : undefined;
  const missing: MissingMember[] = [];
  const add = (found: Member | MissingMember) =>
    'why' in found ? missing.push(found) : others.push(found);
  const others = documentMembers(manifest.value, known);
  for (const one of workMembers(facts)) add(one);
  for (const one of rootfsMembers(facts, known)) add(one);
  for (const one of logMembers(log, manifest.value)) add(one);
  others.sort((a, b) => (a.name < b.name ? -1 : 1));
  const members = [...imageMembers(facts, manifest.value), ...others];
  return { kind: 'members', members, missing, manifest: manifest.value, dumped: known };
}

/** Why the images are not what CRIU leaves; nothing is passed over, for it might be needed. */
function refuseImages({ images, manifest }: FolderFacts): string | undefined {
  if (!images) {
    const where = manifest.kind === 'read' ? manifest.value.imagesDirectory : 'checkpoint/';
    return `its images are gone from ${where} (those in memory do not outlive the node)`;
  }
  if (images.length > ENTRIES_MAX) return `it has more than ${ENTRIES_MAX} images`;
  for (const { name, kind } of images) {
    const shown = JSON.stringify(name.slice(0, 200));
    if (kind !== 'file') return `its image ${shown} is a ${kind}, and no regular file`;
    const isNamedByCriu = IMAGE_NAME.test(name) && `checkpoint/${name}`.length <= NAME_BYTES_MAX;
    if (!isNamedByCriu) return `its image ${shown} has no name that CRIU gives`;
  }
  return undefined;
}

/** What CRIU writes last and is not there; undefined when the dump ended. */
export function lacksImages({ images = [] }: Pick<FolderFacts, 'images'>): string | undefined {
  const names = new Set(images.map(({ name }) => name));
  const lacking = REQUIRED_IMAGES.filter((name) => !names.has(name));
  return lacking.length > 0 ? `${lacking.join(' and ')} not there` : undefined;
}

function imageMembers(
  facts: FolderFacts,
  { imagesDirectory, createdAtMs }: ImagesManifest,
): Member[] {
  const images = facts.images ?? [];
  const modifiedS = Math.floor(createdAtMs / 1_000);
  const name = 'checkpoint';
  const directory: Member = { kind: 'directory', name, mode: modes.directory, modifiedS };
  const files = images.map((entry) =>
    fileMember(`checkpoint/${entry.name}`, modes.unpacked, entry, imagesDirectory),
  );
  return [directory, ...files];
}

function* workMembers({ folder, work }: FolderFacts): Generator<Member | MissingMember> {
  const { work: path } = imagesFolder(folder);
  for (const { name, mode } of WORK_MEMBERS) {
    const entry = work.find((one) => one.name === name);
    if (entry?.kind === 'file') yield fileMember(name, mode, entry, path);
    // CRIU could not tell the figures to a client that had gone; the images are whole all the same.
    else yield { member: name, why: 'CRIU did not leave it' };
  }
}

function* rootfsMembers(
  { folder, rootfsDiff }: FolderFacts,
  dumped: DumpedFacts | undefined,
): Generator<Member | MissingMember> {
  const member = 'rootfs-diff.tar';
  const files = dumped?.files ?? { kind: 'missing', why: NOT_ENDED };
  if (files.kind === 'none') return;
  if (files.kind === 'missing') {
    yield { member, why: files.why };
  } else if (rootfsDiff?.kind === 'file' && rootfsDiff.bytes === files.bytes) {
    yield fileMember(member, modes.unpacked, rootfsDiff, folder);
  } else {
    const found = rootfsDiff?.kind === 'file' ? `${rootfsDiff.bytes}` : 'no';
    yield { member, why: `${files.bytes} bytes were taken, and ${found} bytes are there` };
  }
}

function* logMembers(
  log: LogReading,
  { createdAtMs }: ImagesManifest,
): Generator<Member | MissingMember> {
  const name = 'container.log';
  if (log.why !== undefined) {
    yield { member: name, why: log.why, ...(log.data ? { isPartly: true } : {}) };
  }
  if (!log.data) return;
  const modifiedS = Math.floor(createdAtMs / 1_000);
  yield { kind: 'bytes', name, mode: modes.own, modifiedS, data: log.data };
}

function fileMember(name: string, mode: number, entry: FolderEntry, directory: string): Member {
  const { bytes, modifiedNs } = entry;
  const path = join(directory, entry.name);
  return { kind: 'file', name, mode, modifiedS: secondsOf(entry), path, bytes, modifiedNs };
}

function secondsOf({ modifiedNs }: FolderEntry): number {
  return Number(BigInt(modifiedNs) / 1_000_000_000n);
}

function unusable(why: string): MembersPlan {
  return { kind: 'unusable', why };
}
