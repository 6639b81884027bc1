import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { leftovers } from '../../src/archive/index.ts';
import { clearLeftovers, judgeRemoval } from '../../src/archive/leftovers.ts';
import { createRecords } from '../../src/archive/records.ts';
import { recordOf } from '../support/archive-record.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const NAME = 'checkpoint-a.tar';

async function prepared() {
  const dir = tempDir();
  const records = createRecords(dir);
  await records.prepare();
  return { dir, records, clear: () => clearLeftovers(dir, records) };
}

describe('what a crash left', () => {
  it('nothing: an archive with its record is the normal state', async () => {
    const { dir, records, clear } = await prepared();
    writeFileSync(join(dir, NAME), 'x');
    await records.write(recordOf(NAME));
    expect(await clear()).toEqual([]);
  });

  it('a record half written: deleted', async () => {
    const { records, clear } = await prepared();
    writeFileSync(join(records.paths.unfinished, 'record-1-1.json'), '{');
    expect(await clear()).toEqual([
      { name: 'unfinished/record-1-1.json', code: 'unfinished-file' },
    ]);
    expect(readdirSync(records.paths.unfinished)).toEqual([]);
  });

  it('a deletion that stopped before the archive: the record comes back', async () => {
    const { dir, records, clear } = await prepared();
    writeFileSync(join(dir, NAME), 'x');
    await records.write(recordOf(NAME));
    await records.beginRemoval(NAME);
    expect((await records.read(NAME)).kind).toBe('none');
    expect(await clear()).toMatchObject([{ code: 'removal-not-begun' }]);
    expect((await records.read(NAME)).kind).toBe('sound');
    expect(await clear()).toEqual([]);
  });

  it('a deletion that stopped after the archive: the record goes', async () => {
    const { records, clear } = await prepared();
    await records.write(recordOf(NAME));
    await records.beginRemoval(NAME);
    expect(await clear()).toMatchObject([{ code: 'removal-not-ended' }]);
    expect(readdirSync(records.paths.removing)).toEqual([]);
    expect(readdirSync(records.paths.records)).toEqual([]);
  });

  it('a deletion of an older archive of the same name: only its record goes', async () => {
    const { dir, records, clear } = await prepared();
    await records.write(recordOf(NAME, { bytes: 1 }));
    await records.beginRemoval(NAME);
    writeFileSync(join(dir, NAME), 'x');
    await records.write(recordOf(NAME, { bytes: 2 }));
    expect(await clear()).toMatchObject([{ code: 'removal-superseded' }]);
    expect(await records.read(NAME)).toMatchObject({ record: { bytes: 2 } });
  });

  it('an unreadable record in removal: kept, named', async () => {
    const { dir, records, clear } = await prepared();
    writeFileSync(join(dir, NAME), 'x');
    const path = join(records.paths.removing, `${NAME}.json`);
    writeFileSync(path, '{');
    expect(await clear()).toMatchObject([{ code: 'removal-unreadable' }]);
    expect(existsSync(path)).toBe(true);
  });

  it('a record whose archive someone took away: kept, also under a shortened name', async () => {
    const { dir, records, clear } = await prepared();
    const long = `checkpoint-${'a'.repeat(240)}.tar`;
    await records.write(recordOf(NAME));
    await records.write(recordOf(long));
    expect((await clear()).map(({ code }) => code)).toEqual([
      'record-without-archive',
      'record-without-archive',
    ]);
    writeFileSync(join(dir, long), 'x');
    expect(await clear()).toHaveLength(1);
  });

  it('links and directories: left alone, named', async () => {
    const { records, clear } = await prepared();
    const target = join(tempDir(), 'precious');
    writeFileSync(target, 'x');
    for (const path of [records.paths.unfinished, records.paths.removing, records.paths.records]) {
      symlinkSync(target, join(path, 'link.json'));
      mkdirSync(join(path, 'directory'));
    }
    const found = await clear();
    expect(found.map(({ code }) => code)).toEqual(Array(6).fill('stray'));
    expect(existsSync(target)).toBe(true);
    expect(readdirSync(records.paths.unfinished)).toHaveLength(2);
  });
});

describe('the table', () => {
  it('has one row for every combination, and deletes only what is surely ours', () => {
    const both = [false, true];
    for (const recordReadable of both)
      for (const archivePresent of both)
        for (const recordPresent of both) {
          const code = judgeRemoval({ recordReadable, archivePresent, recordPresent });
          if (!recordReadable) expect(leftovers[code].decision).toBe('keep');
          else if (recordPresent) expect(leftovers[code].decision).toBe('delete');
          else expect(leftovers[code].decision).toBe(archivePresent ? 'restore' : 'delete');
        }
  });
});
