import type { ByteSource, FileIdentity } from './byte-source.ts';
import { openRegular } from './byte-source.ts';
import { type ArchiveContents, readContents } from './contents.ts';
import type { DumpStats, ImageProcess } from './criu-images.ts';
import { addFindings, type Finding, type UnverifiedReason } from './findings.ts';
import type { ArchiveMetadata, Engine } from './metadata.ts';

/** What a sound archive tells. */
export interface ArchiveFacts {
  metadata: ArchiveMetadata;
  members: number;
  processes: number;
  threads: number;
  /** Bytes of memory in it. */
  pagesBytes: number;
  imageVersion: number;
  /** CRIU's own account, where it is in the archive. */
  stats?: DumpStats;
}

/**
 * Whether an archive is complete. `unverified` is no accusation: it cannot be told. `broken` names
 * everything that was found, and the metadata as far as it could be read.
 */
export type Verification =
  | { kind: 'complete'; facts: ArchiveFacts }
  | { kind: 'unverified'; reason: UnverifiedReason; detail: string; facts: ArchiveFacts }
  | { kind: 'broken'; findings: readonly Finding[]; metadata?: ArchiveMetadata };

/** A verification of the very file that `identity` names. */
export interface VerifiedFile {
  verification: Verification;
  identity: FileIdentity;
}

/** Members without which nothing can be restored or looked at, of any engine. */
const requiredMembers = [
  'config.dump',
  'spec.dump',
  'checkpoint/inventory.img',
  'checkpoint/pstree.img',
] as const;

/** Members that containerd writes since 2.1; status.dump is the one that a restore needs. */
const sinceContainerd21 = ['status.dump', 'status', 'stats-dump', 'dump.log'] as const;

/** Machine type of x86_64 in CRIU's core image; its pages have 4 KiB. */
const MACHINE_X86_64 = 1;
const PAGE_BYTES = 4096;
/** Other machines choose at kernel build. */
const PAGE_BYTES_CHOICES = [4096, 16384, 65536] as const;

/**
 * Reads and judges the archive at `path` without changing it. Throws when it cannot be read at all
 * (`not-found`, `bad-input` for a link or a special file, `not-writable`, `io`).
 */
export async function verifyFile(path: string): Promise<VerifiedFile> {
  const file = await openRegular(path);
  try {
    const contents = await readContents(file);
    const verification = judgeContents(contents, file);
    if (await file.isUnchanged()) return { verification, identity: file.identity };
    const finding: Finding = { code: 'changed', detail: path };
    return {
      verification: { kind: 'broken', findings: [finding] },
      identity: file.identity,
    };
  } finally {
    await file.close();
  }
}

/** Judges what was read. Pure. */
export function judgeContents(
  contents: ArchiveContents,
  source: Pick<ByteSource, 'bytes'>,
): Verification {
  const { tar, metadata } = contents;
  const findings: Finding[] = [];
  const add = (found: Iterable<Finding>) => addFindings(findings, found);
  if (tar.kind === 'damaged') add([tar.finding]);
  add(contents.findings);
  if (metadata?.kind === 'bad') add(metadata.findings);
  add(missingMembers(contents));
  const doubt = doubtOf(contents);
  if (doubt?.reason !== 'image-version') add(pageFindings(contents));
  else if (pagesBytesOf(contents) === 0) add([{ code: 'pages-empty', detail: '0 bytes' }]);
  const known = metadata?.kind === 'read' ? metadata.metadata : undefined;
  if (findings.length > 0 || source.bytes === 0) {
    return { kind: 'broken', findings, metadata: known };
  }
  if (!known) {
    const finding: Finding = { code: 'identity-missing', detail: 'no metadata' };
    return { kind: 'broken', findings: [finding] };
  }
  const facts = factsOf(contents, known);
  return doubt ? { kind: 'unverified', ...doubt, facts } : { kind: 'complete', facts };
}

/** One by one: whoever has enough of them stops asking. */
function* missingMembers(contents: ArchiveContents): Generator<Finding> {
  const { files, processes, pagemaps, metadata } = contents;
  const missing = (detail: string): Finding => ({ code: 'member-missing', detail });
  for (const name of requiredMembers) if (!files.has(name)) yield missing(name);
  const engine = metadata?.kind === 'read' ? metadata.metadata.engine : undefined;
  if (engine === 'containerd' && !files.has('status.dump') && !isContainerd20(contents, engine)) {
    yield missing('status.dump');
  }
  for (const process of processes ?? []) {
    for (const id of tasksOf(process, files)) {
      const core = `checkpoint/core-${id}.img`;
      if (!files.has(core)) yield missing(core);
    }
  }
  if (processes?.length === 0) yield missing('any process in pstree.img');
  // A zombie has neither memory description nor page map; one without the other is a loss.
  for (const { pid } of processes ?? []) {
    const hasMemory = files.has(`checkpoint/mm-${pid}.img`);
    const hasPagemap = files.has(`checkpoint/pagemap-${pid}.img`);
    if (hasMemory && !hasPagemap) yield missing(`checkpoint/pagemap-${pid}.img`);
    if (hasPagemap && !hasMemory) yield missing(`checkpoint/mm-${pid}.img`);
  }
  if (pagemaps.size === 0 && ![...files.keys()].some((name) => name.includes('/pagemap-'))) {
    yield missing('checkpoint/pagemap-*');
  }
}

/**
 * The ids that must have a core image: the process and its threads. Of a zombie, which has no
 * memory description, only the process: CRIU 4.1 leaves a number without meaning as its thread.
 */
function tasksOf({ pid, threads }: ImageProcess, files: ArchiveContents['files']): number[] {
  return files.has(`checkpoint/mm-${pid}.img`) ? [...new Set([pid, ...threads])] : [pid];
}

/** The equation: pages of the maps that name pages-N.img, times the page size, is its size. */
function* pageFindings(contents: ArchiveContents): Generator<Finding> {
  const pages = new Map<number, number>();
  for (const sum of contents.pagemaps.values()) {
    pages.set(sum.pagesId, (pages.get(sum.pagesId) ?? 0) + sum.pages);
  }
  const sizes = pagesFiles(contents);
  const pageBytes = pageBytesOf(contents, pages, sizes);
  for (const [id, count] of pages) {
    const bytes = sizes.get(id);
    const name = `checkpoint/pages-${id}.img`;
    if (bytes === undefined) {
      if (count > 0) yield { code: 'pages-missing', detail: name };
    } else if (bytes !== count * pageBytes) {
      const detail = `${name}: ${bytes} bytes, ${count} pages of ${pageBytes} announced`;
      yield { code: 'pages-size', detail };
    }
  }
  for (const id of sizes.keys()) {
    if (!pages.has(id)) yield { code: 'pages-unclaimed', detail: `checkpoint/pages-${id}.img` };
  }
}

function pagesFiles({ files }: ArchiveContents): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const [name, member] of files) {
    const match = /^checkpoint\/pages-(\d{1,10})\.img$/.exec(name);
    if (match) sizes.set(Number(match[1]), member.bytes);
  }
  return sizes;
}

function pagesBytesOf(contents: ArchiveContents): number {
  let bytes = 0;
  for (const each of pagesFiles(contents).values()) bytes += each;
  return bytes;
}

/** x86_64 has 4 KiB pages; elsewhere the size that fits the whole decides. */
function pageBytesOf(
  { machine }: ArchiveContents,
  pages: ReadonlyMap<number, number>,
  sizes: ReadonlyMap<number, number>,
): number {
  if (machine === undefined || machine === MACHINE_X86_64) return PAGE_BYTES;
  let count = 0;
  let bytes = 0;
  for (const each of pages.values()) count += each;
  for (const each of sizes.values()) bytes += each;
  return PAGE_BYTES_CHOICES.find((choice) => count * choice === bytes) ?? PAGE_BYTES;
}

function doubtOf(
  contents: ArchiveContents,
): { reason: UnverifiedReason; detail: string } | undefined {
  const { metadata, imageVersion, files } = contents;
  if (imageVersion !== undefined && imageVersion !== 1 && imageVersion !== 2) {
    return { reason: 'image-version', detail: `version ${imageVersion}` };
  }
  if (metadata?.kind !== 'read') return undefined;
  const { engine } = metadata.metadata;
  if (engine === 'unknown') return { reason: 'unknown-engine', detail: 'io.container.manager' };
  for (const [name, sum] of contents.pagemaps) {
    if (sum.parentPages > 0) {
      return { reason: 'needs-parent', detail: `${name}: ${sum.parentPages} pages` };
    }
  }
  if (isContainerd20(contents, engine)) {
    return { reason: 'no-status-dump', detail: `${files.size} members` };
  }
  return undefined;
}

/** containerd 2.0 wrote none of these; later versions write all of them. */
function isContainerd20({ files }: ArchiveContents, engine: Engine): boolean {
  return engine === 'containerd' && !sinceContainerd21.some((name) => files.has(name));
}

function factsOf(contents: ArchiveContents, metadata: ArchiveMetadata): ArchiveFacts {
  const { processes = [], stats, imageVersion = 0 } = contents;
  return {
    metadata,
    members: contents.tar.members.length,
    processes: processes.length,
    threads: processes.flatMap((process) => tasksOf(process, contents.files)).length,
    pagesBytes: pagesBytesOf(contents),
    imageVersion,
    stats,
  };
}
