import type { ByteSource } from './byte-source.ts';
import { malformed, readFields, readPacked } from './protobuf.ts';

/**
 * The few things that Stillpoint reads of CRIU's images. Layout (little endian): a magic, for most
 * files a second one of the kind, then entries of u32 size and that many bytes of protobuf. Magics
 * as in CRIU's include/magic.h, field numbers as in its images/*.proto.
 */
const MAGIC_COMMON = 0x54564319;
const MAGIC_SERVICE = 0x55105940;
const MAGIC_INVENTORY = 0x58313116;
const MAGIC_PSTREE = 0x50273030;
const MAGIC_CORE = 0x55053847;
const MAGIC_PAGEMAP = 0x56084025;
const MAGIC_STATS = 0x57093306;

/** CRIU's flags of a page map entry: the pages are in the parent dump, or in this one's file. */
const FLAG_PARENT = 1;
const FLAG_PRESENT = 4;

/** One entry of a page map has some 20 bytes; more is not one. */
const PAGEMAP_ENTRY_BYTES_MAX = 4096;
const CHUNK_BYTES = 64 * 1024;

export interface ImageInventory {
  /** 1 and 2 hold plain pages; 3 adds compression. */
  imageVersion: number;
}

export interface ImageProcess {
  /** As seen inside the container: its first process is 1. */
  pid: number;
  threads: readonly number[];
}

/** CRIU's own account of a dump; it covers CRIU's window only, not the runtime's pause. */
export interface DumpStats {
  freezingMs: number;
  frozenMs: number;
  memoryDumpMs: number;
  memoryWriteMs: number;
  pagesWritten: number;
}

/** What a page map says of its pages file. */
export interface PagemapSum {
  /** N of pages-N.img. */
  pagesId: number;
  /** Pages that lie in the pages file. */
  pages: number;
  /** Pages that lie in the images of an earlier dump. */
  parentPages: number;
}

/** inventory.img, the one image with a single magic. */
export function parseInventory(image: Buffer): ImageInventory {
  if (u32(image, 0) !== MAGIC_INVENTORY) throw malformed('inventory magic');
  let imageVersion = 0;
  for (const entry of entriesOf(image, 4)) {
    readFields(entry, (field, value) => {
      if (field === 1) imageVersion = value ?? 0;
    });
  }
  return { imageVersion };
}

/** pstree.img: one entry a process. */
export function parsePstree(image: Buffer): ImageProcess[] {
  expectMagics(image, MAGIC_COMMON, MAGIC_PSTREE, 'pstree');
  return entriesOf(image, 8).map((entry) => {
    let pid = 0;
    const threads: number[] = [];
    readFields(entry, (field, value, data) => {
      if (field === 1) pid = value ?? 0;
      if (field !== 5) return;
      if (value !== undefined) threads.push(value);
      // One by one: as arguments of a call, some hundred thousand would end it with a RangeError.
      for (const thread of data === undefined ? [] : readPacked(data)) threads.push(thread);
    });
    if (pid === 0) throw malformed('a process without pid');
    return { pid, threads };
  });
}

/** The machine type of core-*.img: 1 is x86_64, 3 aarch64. Its head is enough. */
export function parseCoreMachine(head: Buffer): number {
  expectMagics(head, MAGIC_COMMON, MAGIC_CORE, 'core');
  // mtype is the first field of the entry: tag 0x08, one byte of value.
  const tag = head[12];
  const machine = head[13];
  if (tag !== 0x08 || machine === undefined || machine > 127) throw malformed('core entry');
  return machine;
}

/** stats-dump: times in µs in the file, ms here. Undefined when it tells of a restore. */
export function parseStats(image: Buffer): DumpStats | undefined {
  expectMagics(image, MAGIC_SERVICE, MAGIC_STATS, 'stats');
  let stats: DumpStats | undefined;
  for (const entry of entriesOf(image, 8)) {
    readFields(entry, (field, _value, data) => {
      if (field === 1 && data !== undefined) stats = parseDumpStats(data);
    });
  }
  return stats;
}

/**
 * Adds up pagemap-*.img, read in pieces: it has an entry for each run of pages and may be many
 * megabytes. Throws `archive-broken` when it is malformed.
 */
export async function sumPagemap(
  source: ByteSource,
  offset: number,
  bytes: number,
): Promise<PagemapSum> {
  const sum: PagemapSum = { pagesId: 0, pages: 0, parentPages: 0 };
  let rest: Buffer = Buffer.alloc(0);
  let isHead = true;
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    const chunk = await source.read(offset + at, Math.min(CHUNK_BYTES, bytes - at));
    let piece = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (at === 0) {
      expectMagics(piece, MAGIC_COMMON, MAGIC_PAGEMAP, 'pagemap');
      piece = piece.subarray(8);
    }
    let start = 0;
    for (;;) {
      if (start + 4 > piece.length) break;
      const size = piece.readUInt32LE(start);
      if (size > PAGEMAP_ENTRY_BYTES_MAX) throw malformed(`page map entry of ${size} bytes`);
      if (start + 4 + size > piece.length) break;
      const entry = piece.subarray(start + 4, start + 4 + size);
      if (isHead) sum.pagesId = parsePagemapHead(entry);
      else addPagemapEntry(sum, entry);
      isHead = false;
      start += 4 + size;
    }
    rest = Buffer.from(piece.subarray(start));
  }
  if (rest.length > 0 || isHead) throw malformed('page map is cut off');
  return sum;
}

function parsePagemapHead(entry: Buffer): number {
  let pagesId = 0;
  readFields(entry, (field, value) => {
    if (field === 1) pagesId = value ?? 0;
  });
  return pagesId;
}

/** nr_pages is field 5 since CRIU 4.2; before, it was the 32-bit field 2. */
function addPagemapEntry(sum: PagemapSum, entry: Buffer): void {
  let pages: number | undefined;
  let compatPages = 0;
  let inParent = false;
  let flags: number | undefined;
  readFields(entry, (field, value) => {
    if (field === 2) compatPages = value ?? 0;
    else if (field === 3) inParent = value !== 0;
    else if (field === 4) flags = value;
    else if (field === 5) pages = value;
  });
  const count = pages ?? compatPages;
  if (!Number.isSafeInteger(count)) throw malformed('number of pages');
  if (inParent || ((flags ?? 0) & FLAG_PARENT) !== 0) sum.parentPages += count;
  else if (flags === undefined || (flags & FLAG_PRESENT) !== 0) sum.pages += count;
}

function parseDumpStats(data: Buffer): DumpStats {
  const stats = { freezingMs: 0, frozenMs: 0, memoryDumpMs: 0, memoryWriteMs: 0, pagesWritten: 0 };
  readFields(data, (field, value = 0) => {
    if (field === 1) stats.freezingMs = value / 1000;
    else if (field === 2) stats.frozenMs = value / 1000;
    else if (field === 3) stats.memoryDumpMs = value / 1000;
    else if (field === 4) stats.memoryWriteMs = value / 1000;
    else if (field === 7 || field === 14) stats.pagesWritten += value;
  });
  return stats;
}

function entriesOf(image: Buffer, from: number): Buffer[] {
  const entries: Buffer[] = [];
  let at = from;
  while (at < image.length) {
    const size = u32(image, at);
    if (at + 4 + size > image.length) throw malformed('an entry is cut off');
    entries.push(image.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return entries;
}

function expectMagics(image: Buffer, first: number, second: number, name: string): void {
  if (u32(image, 0) !== first || u32(image, 4) !== second) throw malformed(`${name} magic`);
}

function u32(image: Buffer, at: number): number {
  if (at + 4 > image.length) throw malformed('it is too short');
  return image.readUInt32LE(at);
}
