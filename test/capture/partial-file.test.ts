import { existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removePartialFile } from '../../src/capture/partial-file.ts';
import { useTempDirs } from '../support/temp-dir.ts';

describe('a file that a failed checkpoint left', () => {
  const tempDir = useTempDirs();

  it('is removed', async () => {
    const path = join(tempDir(), 'x.tar');
    writeFileSync(path, 'half');
    expect(await removePartialFile(path)).toBe('removed');
    expect(existsSync(path)).toBe(false);
    expect(await removePartialFile(path)).toBe('none');
  });

  it('stays when it is a link, a directory, or has a second name', async () => {
    const directory = tempDir();
    const file = join(directory, 'file');
    writeFileSync(file, 'precious');
    const [link, second, folder] = ['link', 'second', 'folder'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    symlinkSync(file, link);
    linkSync(file, second);
    mkdirSync(folder);
    for (const path of [link, second, folder]) {
      expect(await removePartialFile(path)).toBe('not-ours');
    }
    expect([file, link, second, folder].every((path) => existsSync(path))).toBe(true);
  });
});
