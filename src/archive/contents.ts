import { isStillpointError } from '../base/index.ts';
import type { ByteSource } from './byte-source.ts';
import {
  type DumpStats,
  type ImageProcess,
  type PagemapSum,
  parseCoreMachine,
  parseInventory,
  parsePstree,
  parseStats,
  sumPagemap,
} from './criu-images.ts';
import { addFindings, type Finding } from './findings.ts';
import { type MetadataReading, parseMetadata } from './metadata.ts';
import { readTar, type TarMember, type TarReading } from './tar-reader.ts';

/** All that was read of an archive; what it means is judged elsewhere. */
export interface ArchiveContents {
  tar: TarReading;
  /** Regular files by name; a name that is there twice keeps its first. */
  files: ReadonlyMap<string, TarMember>;
  /** What went wrong while single members were read. */
  findings: readonly Finding[];
  imageVersion?: number;
  processes?: readonly ImageProcess[];
  /** 1 is x86_64, 3 aarch64. */
  machine?: number;
  stats?: DumpStats;
  /** By name of the page map. */
  pagemaps: ReadonlyMap<string, PagemapSum>;
  metadata?: MetadataReading;
}

/** What a member may weigh at most; larger is hostile or broken. Others are never read. */
const memberBytesMax = {
  'spec.dump': 4 * 1024 * 1024,
  'config.dump': 256 * 1024,
  'checkpoint/inventory.img': 64 * 1024,
  'checkpoint/pstree.img': 4 * 1024 * 1024,
  'stats-dump': 64 * 1024,
} as const;

type SmallMember = keyof typeof memberBytesMax;

/** Runs of pages: 2.5 million of them, more than a fragmented heap of 10 GiB has. */
const PAGEMAP_BYTES_MAX = 64 * 1024 * 1024;

const CORE_HEAD_BYTES = 14;

/** Reads headers, metadata and the small images of an archive. Throws only when reading fails. */
export async function readContents(source: ByteSource): Promise<ArchiveContents> {
  const tar = await readTar(source);
  const findings: Finding[] = [];
  const files = indexFiles(tar.members, findings);
  const read = (name: SmallMember) => readSmall(source, files.get(name), name, findings);
  const inventory = await read('checkpoint/inventory.img');
  const pstree = await read('checkpoint/pstree.img');
  const statsImage = await read('stats-dump');
  const spec = await read('spec.dump');
  const config = await read('config.dump');
  return {
    tar,
    files,
    imageVersion: attempt('inventory.img', findings, inventory, parseInventory)?.imageVersion,
    processes: attempt('pstree.img', findings, pstree, parsePstree),
    stats: attempt('stats-dump', findings, statsImage, parseStats),
    machine: await readMachine(source, files, findings),
    pagemaps: await readPagemaps(source, files, findings),
    metadata: spec && config ? parseMetadata(spec, config) : undefined,
    findings,
  };
}

function indexFiles(members: readonly TarMember[], findings: Finding[]): Map<string, TarMember> {
  const files = new Map<string, TarMember>();
  for (const member of members) {
    if (leadsOut(member.name)) {
      const detail = JSON.stringify(member.name.slice(0, 200));
      addFindings(findings, [{ code: 'unsafe-name', detail }]);
    }
    if (member.type !== 'file') continue;
    if (files.has(member.name)) {
      const detail = JSON.stringify(member.name.slice(0, 200));
      addFindings(findings, [{ code: 'member-twice', detail }]);
    } else {
      files.set(member.name, member);
    }
  }
  return files;
}

function leadsOut(name: string): boolean {
  return name.startsWith('/') || name.split('/').includes('..');
}

/** A copy of a small member; undefined when it is absent (judged later) or too large (a finding). */
async function readSmall(
  source: ByteSource,
  member: TarMember | undefined,
  name: SmallMember,
  findings: Finding[],
): Promise<Buffer | undefined> {
  if (!member) return undefined;
  const bytesMax = memberBytesMax[name];
  if (member.bytes > bytesMax) {
    const detail = `${name}: ${member.bytes} bytes, at most ${bytesMax}`;
    addFindings(findings, [{ code: 'member-too-large', detail }]);
    return undefined;
  }
  return Buffer.from(await source.read(member.dataOffset, member.bytes));
}

async function readMachine(
  source: ByteSource,
  files: ReadonlyMap<string, TarMember>,
  findings: Finding[],
): Promise<number | undefined> {
  for (const [name, member] of files) {
    if (!/^checkpoint\/core-\d+\.img$/.test(name)) continue;
    const head = await source.read(member.dataOffset, Math.min(member.bytes, CORE_HEAD_BYTES));
    return attempt(name, findings, head, parseCoreMachine);
  }
  return undefined;
}

async function readPagemaps(
  source: ByteSource,
  files: ReadonlyMap<string, TarMember>,
  findings: Finding[],
): Promise<Map<string, PagemapSum>> {
  const pagemaps = new Map<string, PagemapSum>();
  for (const [name, member] of files) {
    if (!/^checkpoint\/pagemap-[a-z0-9-]+\.img$/.test(name)) continue;
    if (member.bytes > PAGEMAP_BYTES_MAX) {
      const detail = `${name}: ${member.bytes} bytes`;
      addFindings(findings, [{ code: 'member-too-large', detail }]);
      continue;
    }
    try {
      pagemaps.set(name, await sumPagemap(source, member.dataOffset, member.bytes));
    } catch (error) {
      addFindings(findings, [imageFinding(error, name)]);
    }
  }
  return pagemaps;
}

function attempt<T>(
  name: string,
  findings: Finding[],
  image: Buffer | undefined,
  parse: (image: Buffer) => T,
): T | undefined {
  if (!image) return undefined;
  try {
    return parse(image);
  } catch (error) {
    addFindings(findings, [imageFinding(error, name)]);
    return undefined;
  }
}

/** Only a malformed image is a finding; an error of the disk says nothing about the archive. */
function imageFinding(error: unknown, name: string): Finding {
  if (!isStillpointError(error, 'archive-broken')) throw error;
  return { code: 'image-malformed', detail: `${name}: ${error.message}` };
}
