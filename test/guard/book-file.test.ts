import { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BookEntry } from '../../src/guard/book.ts';
import { type BookFile, createBookFile } from '../../src/guard/book-file.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

let path: string;
let file: BookFile;
const entries: BookEntry[] = [
  {
    agent: 'a',
    n: 1,
    intent: { containerId: 'c', via: 'task', cgroupVersion: 1 },
    standing: 'held',
  },
  {
    agent: 'b',
    n: 2,
    intent: { containerId: 'd', via: 'freezer', cgroupVersion: 2, freezerDirectory: '/c/d' },
    standing: 'resuming',
  },
];

beforeEach(() => {
  path = join(tempDir(), 'guard.sock.intents');
  file = createBookFile(path, 'boot-1');
});

describe('what the guard writes down', () => {
  it('is read by the next guard, and is for root alone', () => {
    expect(file.read()).toEqual([]);
    file.write(entries);
    expect(file.read()).toEqual(entries);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  it('counts for nothing in another run of the kernel', () => {
    file.write(entries);
    expect(createBookFile(path, 'boot-2').read()).toEqual([]);
  });

  it('is removed when nothing is left, and may be removed twice', () => {
    file.write(entries);
    file.remove();
    file.remove();
    expect(file.read()).toEqual([]);
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['another version', '{"bootId":"boot-1","version":2,"entries":[]}'],
    ['no entries', '{"bootId":"boot-1","version":1}'],
    ['an entry without an agent', fileOf({ ...entries[0], agent: '' })],
    ['an entry that stands otherwise', fileOf({ ...entries[0], standing: 'thawed' })],
    ['an entry without an intent', fileOf({ ...entries[0], intent: {} })],
    ['too many entries', fileOf(...Array(257).fill(entries[0]))],
    ['too large a file', ' '.repeat(1024 * 1024 + 1)],
  ])('is refused when it is %s', (_, text) => {
    writeFileSync(path, text);
    expect(() => file.read()).toThrow(expect.objectContaining({ code: 'io' }));
  });

  it('is neither read nor written through a link', () => {
    const other = join(tempDir(), 'other');
    writeFileSync(other, fileOf(...entries));
    symlinkSync(other, path);
    expect(() => file.read()).toThrow(expect.objectContaining({ code: 'io' }));
    symlinkSync(other, `${path}.new`);
    expect(() => file.write([])).toThrow(expect.objectContaining({ code: 'io' }));
    expect(readFileSync(other, 'utf8')).toBe(fileOf(...entries));
  });
});

function fileOf(...given: unknown[]): string {
  return JSON.stringify({ version: 1, bootId: 'boot-1', entries: given });
}
