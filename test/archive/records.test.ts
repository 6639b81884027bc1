import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isArchiveName, recordFileName } from '../../src/archive/names.ts';
import { createRecords } from '../../src/archive/records.ts';
import { recordOf } from '../support/archive-record.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

async function prepared() {
  const dir = tempDir();
  const records = createRecords(dir);
  await records.prepare();
  return { dir, records };
}

describe('names of archives', () => {
  it.each([
    ['checkpoint-cart_shop-app-2026-01-01T00:00:00+01:00.tar', true],
    ['checkpoint-.tar', false],
    ['checkpoint-a.tar.gz', false],
    ['other.tar', false],
    ['checkpoint-../x.tar', false],
    ['checkpoint-\n.tar', false],
    [`checkpoint-${'a'.repeat(250)}.tar`, false],
  ])('%j: %s', (name, expected) => {
    expect(isArchiveName(name)).toBe(expected);
  });

  it('give record names that the file system can hold, each its own', () => {
    const long = (end: string) => `checkpoint-${'a'.repeat(238)}${end}.tar`;
    expect(recordFileName('checkpoint-a.tar')).toBe('checkpoint-a.tar.json');
    expect(Buffer.byteLength(recordFileName(long('1')))).toBeLessThanOrEqual(255);
    expect(recordFileName(long('1'))).not.toBe(recordFileName(long('2')));
  });
});

describe('a record', () => {
  it('is read as it was written, in a file that only its owner may read', async () => {
    const { records } = await prepared();
    const record = recordOf('checkpoint-a.tar', { hold: { reason: 'case 7', by: 'ana' } });
    await records.write(record);
    expect(await records.read('checkpoint-a.tar')).toEqual({ kind: 'sound', record });
    const path = join(records.paths.records, 'checkpoint-a.tar.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(records.paths.root).mode & 0o777).toBe(0o700);
    expect(readdirSync(records.paths.unfinished)).toEqual([]);
  });

  it('of an archive with a very long name is found again', async () => {
    const { records } = await prepared();
    const name = `checkpoint-${'a'.repeat(240)}.tar`;
    await records.write(recordOf(name));
    expect((await records.read(name)).kind).toBe('sound');
  });

  it('that is not there is none', async () => {
    const { records } = await prepared();
    expect(await records.read('checkpoint-a.tar')).toEqual({ kind: 'none' });
  });

  it('with thousands of causes stays small: payloads go first, then causes, counted', async () => {
    const { records } = await prepared();
    const cause = (n: number) => ({
      rule: 'r',
      reason: 'fired',
      detail: `${n}`,
      atMs: n,
      signal: {
        kind: 'alert',
        occurredMs: 0,
        seenMs: 0,
        text: 't',
        data: { x: 'x'.repeat(50_000) },
      } as const,
    });
    const causes = Array.from({ length: 20_000 }, (_, n) => cause(n));
    await records.write(
      recordOf('checkpoint-a.tar', { trigger: { id: 't', acceptedMs: 0, causes } }),
    );
    const path = join(records.paths.records, 'checkpoint-a.tar.json');
    expect(statSync(path).size).toBeLessThanOrEqual(1024 * 1024);
    const reading = await records.read('checkpoint-a.tar');
    if (reading.kind !== 'sound') throw new Error('not readable');
    const { trigger } = reading.record;
    expect(trigger.causes[0]?.signal.data).toEqual({ x: 'x'.repeat(50_000) });
    expect(trigger.causes.length + (trigger.causesLeftOut ?? 0)).toBe(20_000);
  });

  it('that could not be read back is not written', async () => {
    const { records } = await prepared();
    const record = recordOf('checkpoint-a.tar', { createdMs: Number.NaN });
    await expect(records.write(record)).rejects.toMatchObject({ code: 'internal' });
    expect(readdirSync(records.paths.records)).toEqual([]);
  });

  const path = (root: string) => join(root, 'checkpoint-a.tar.json');
  it.each<[string, (records: string) => void]>([
    ['is no JSON', (dir) => writeFileSync(path(dir), '{')],
    ['is empty', (dir) => writeFileSync(path(dir), '')],
    ['has another shape', (dir) => writeFileSync(path(dir), '{"kind":"ArchiveRecord"}')],
    [
      'has a negative size',
      (dir) =>
        writeFileSync(path(dir), JSON.stringify(recordOf('checkpoint-a.tar', { bytes: -1 }))),
    ],
    [
      'speaks of another archive',
      (dir) => writeFileSync(path(dir), JSON.stringify(recordOf('checkpoint-b.tar'))),
    ],
    ['has 5 MiB', (dir) => writeFileSync(path(dir), Buffer.alloc(5 << 20, 0x20))],
    ['is a link', (dir) => symlinkSync('/etc/hostname', path(dir))],
    ['is a directory', (dir) => mkdirSync(path(dir))],
  ])('that %s is broken', async (_name, spoil) => {
    const { records } = await prepared();
    spoil(records.paths.records);
    expect((await records.read('checkpoint-a.tar')).kind).toBe('broken');
  });
});

describe('the directories', () => {
  it('are not made where a link leads elsewhere', async () => {
    const dir = tempDir();
    const elsewhere = tempDir();
    symlinkSync(elsewhere, join(dir, '.stillpoint'));
    await expect(createRecords(dir).prepare()).rejects.toMatchObject({ code: 'bad-input' });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('are made with the checkpoints directory, when that is missing too', async () => {
    const dir = join(tempDir(), 'kubelet/checkpoints');
    await createRecords(dir).prepare();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(existsSync(join(dir, '.stillpoint/records'))).toBe(true);
  });

  it('that cannot be made are named', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'file'), '');
    await expect(createRecords(join(dir, 'file')).prepare()).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});
