import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ArchiveRecord, type Archives, createArchives } from '../../src/archive/index.ts';
import type { Clock } from '../../src/base/index.ts';
import { openStore } from '../../src/store/index.ts';
import { recordOf } from './archive-record.ts';

/** A checkpoints directory that an agent has taken over. */
export async function startedArchives(directory: string, clock: Clock): Promise<Archives> {
  const archives = createArchives({ directory, store: openStore(':memory:'), clock });
  await archives.start();
  return archives;
}

/** A recorded archive of ten bytes; what is in it is of no matter to retention. */
export async function addArchive(
  archives: Archives,
  name: string,
  more: Partial<ArchiveRecord> = {},
): Promise<string> {
  const path = join(archives.directory, name);
  writeFileSync(path, '0123456789');
  await archives.records.write(recordOf(name, more));
  return path;
}
