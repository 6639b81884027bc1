import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { TarWriter, tarOf } from '../tar-writer.ts';
import { criuImages, type ImageProcess, pagePieces, pagesBytes, statsDump } from './criu-images.ts';

/** All that an archive of containerd 2.1 and newer tells. */
export interface ArchiveContent {
  process: ImageProcess;
  /** Goes to the start of heap pages, so that a search in the memory finds it. */
  heapText: string;
  configDump: unknown;
  specDump: unknown;
  statusDump: unknown;
  /** containerd's own state of the container. */
  status: unknown;
  /** Absent: the container has no log file. */
  containerLog?: Buffer;
  /** Files that the container changed in its root file system. */
  rootFiles: Readonly<Record<string, string>>;
  criuFrozenMs: number;
  nowMs: number;
}

/** What makes the archive less than whole. */
export interface ArchiveDamage {
  missingMembers?: readonly string[];
  /** The file ends at this share of its bytes. */
  truncateAt?: number;
}

const PAGES = 'checkpoint/pages-1.img';

/**
 * Writes an archive as containerd's CRI plugin does: `checkpoint/` first, then the other members
 * by name; opened without truncating, mode 0600, no rename. Returns its length in bytes.
 */
export async function writeArchive(
  location: string,
  content: ArchiveContent,
  damage: ArchiveDamage = {},
): Promise<number> {
  const file = await open(location, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const tar = new TarWriter(file);
    const wanted = (name: string) => !(damage.missingMembers ?? []).includes(name);
    const modifiedMs = content.nowMs;
    await tar.addDirectory({ name: 'checkpoint/', mode: 0o700, modifiedMs });
    const members = membersOf(content);
    for (const [name, bytes] of members) {
      if (!wanted(name)) continue;
      const member = { name, mode: modeOf(name), modifiedMs };
      if (bytes !== 'pages') await tar.add(member, bytes);
      else {
        const pieces = pagePieces(content.process, content.heapText);
        await tar.addSparse({ ...member, size: pagesBytes(content.process) }, pieces);
      }
    }
    await tar.end();
    if (damage.truncateAt !== undefined) {
      await file.truncate(Math.floor(tar.position * damage.truncateAt));
    }
    return tar.position;
  } finally {
    await file.close();
  }
}

/** In the order of the archive: the directory first, then by name. */
function membersOf(content: ArchiveContent): [string, Buffer | 'pages'][] {
  const images = [...criuImages(content.process)].map(
    ([name, bytes]) => [`checkpoint/${name}`, bytes] as [string, Buffer],
  );
  const pagesWritten = pagesBytes(content.process) / 4096;
  const others: [string, Buffer][] = [
    ['config.dump', json(content.configDump)],
    ...(content.containerLog ? [['container.log', content.containerLog] as [string, Buffer]] : []),
    ['dump.log', Buffer.from(dumpLog(content.criuFrozenMs), 'utf8')],
    ['rootfs-diff.tar', gzipSync(tarOf(content.rootFiles, content.nowMs))],
    ['spec.dump', json(content.specDump)],
    ['stats-dump', statsDump({ frozenMs: content.criuFrozenMs, pagesWritten })],
    ['status', json(content.status)],
    ['status.dump', json(content.statusDump)],
  ];
  const inDirectory: [string, Buffer | 'pages'][] = [...images, [PAGES, 'pages']];
  return [...inDirectory.sort(byName), ...others];
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** CRIU makes its images 0644; what the runtimes write is for root only. */
function modeOf(name: string): number {
  return name.endsWith('.img') || name === 'stats-dump' ? 0o644 : 0o600;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** What CRIU logs of a dump that ended well. */
export function dumpLog(frozenMs: number): string {
  const seconds = (ms: number) => `(${(ms / 1_000).toFixed(6).padStart(9, '0')})`;
  return [
    `${seconds(0)} Version: 4.2 (simulated)`,
    `${seconds(0.3)} Dumping processes (simulated)`,
    `${seconds(frozenMs)} Writing stats`,
    `${seconds(frozenMs)} Dumping finished successfully`,
    '',
  ].join('\n');
}
