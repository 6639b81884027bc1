import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCodeOf } from '../../base/index.ts';
import { type ArchiveContent, type ArchiveDamage, dumpLog } from './archive-writer.ts';
import { criuImages, pagePieces, pagesBytes, statsDump } from './criu-images.ts';

/** Where CRIU writes when it is told both. */
export interface DumpPlaces {
  imagePath: string;
  workPath: string;
}

/** What CRIU tells of a dump that did not end well. */
export interface FailedDump {
  /** Line of dump.log; absent when CRIU was killed and could say nothing. */
  words?: string;
}

type DumpContent = Pick<ArchiveContent, 'process' | 'heapText' | 'criuFrozenMs' | 'nowMs'>;

const IMAGE_MODE = 0o644;
const PAGES = 'pages-1.img';

/** As runc makes them: the last directory only. Errors: those of the system. */
export function makeDumpDirectories({ imagePath, workPath }: DumpPlaces): void {
  for (const path of [imagePath, workPath]) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (nodeCodeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/**
 * The images, log and statistics of a dump that ended well. `isTold` is false when nobody is left
 * to tell, as after a deadline: CRIU ends its work, and its statistics are missing. Written in one go,
 * so that on a clock which a test moves the container stands still for CRIU's time alone.
 */
export function writeDump(
  places: DumpPlaces,
  content: DumpContent,
  { isTold, damage = {} }: { isTold: boolean; damage?: ArchiveDamage },
): void {
  const missing = damage.missingMembers ?? [];
  for (const [name, bytes] of criuImages(content.process)) {
    if (missing.includes(`checkpoint/${name}`)) continue;
    writeFileSync(join(places.imagePath, name), bytes, { mode: IMAGE_MODE });
  }
  if (!missing.includes(`checkpoint/${PAGES}`)) {
    writePages(places.imagePath, content, damage.truncateAt ?? 1);
  }
  writeLog(places.workPath, dumpLog(content.criuFrozenMs));
  if (!isTold || missing.includes('stats-dump')) return;
  const pagesWritten = pagesBytes(content.process) / 4096;
  const stats = statsDump({ frozenMs: content.criuFrozenMs, pagesWritten });
  writeFileSync(join(places.workPath, 'stats-dump'), stats, { mode: IMAGE_MODE });
}

/** What lies there when CRIU fails or is killed: pages, and nothing that says what they are. */
export function writeHalfDump(
  places: DumpPlaces,
  content: DumpContent,
  { words }: FailedDump,
): void {
  writePages(places.imagePath, content, 0.4);
  const began = dumpLog(content.criuFrozenMs).split('\n').slice(0, 2);
  const end = words === undefined ? [] : [`Error (simulated): ${words}`, 'Dumping FAILED.'];
  writeLog(places.workPath, [...began, ...end, ''].join('\n'));
}

function writeLog(workPath: string, text: string): void {
  writeFileSync(join(workPath, 'dump.log'), text, { mode: 0o600 });
}

/** What is not written is a hole in the file, so that large images cost little disk. */
function writePages(imagePath: string, { process, heapText }: DumpContent, share: number): void {
  const bytes = Math.floor(pagesBytes(process) * share);
  const file = openSync(join(imagePath, PAGES), 'w', IMAGE_MODE);
  try {
    for (const { offset, content } of pagePieces(process, heapText)) {
      writeSync(file, content, 0, content.length, offset);
    }
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}
