import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dumpLogPath, readDumpLog } from '../../src/capture/dump-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const id = 'a'.repeat(64);

describe('where CRIU left its log', () => {
  it.each([
    ['containerd', `criu failed: type DUMP errno 0 path= /run/b/${id}/criu-dump.log: unknown`],
    ['runc up to 1.1', `criu failed: type NOTIFY errno 0\nlog file: /run/b/${id}/criu-dump.log`],
  ])('is in the text of %s', (_, text) => {
    expect(dumpLogPath(text, id)).toBe(`/run/b/${id}/criu-dump.log`);
  });

  it('is the work path of the command that CRI-O quotes', () => {
    const text = `running "/usr/bin/runc" ["checkpoint" "--work-path" "/s/${id}/userdata"] failed`;
    expect(dumpLogPath(text, id)).toBe(`/s/${id}/userdata/dump.log`);
  });

  it.each([
    ['another container', `path= /run/b/${'b'.repeat(64)}/criu-dump.log`],
    ['a file that is no log', `path= /run/${id}/shadow`],
    ['a way out of the directory', `path= /run/${id}/../../etc/criu-dump.log`],
    ['nothing at all', 'exit status 1'],
  ])('is not taken from a text that names %s', (_, text) => {
    expect(dumpLogPath(text, id)).toBeUndefined();
  });
});

describe('reading it', () => {
  const tempDir = useTempDirs();
  const makeLog = (text: string) => {
    const directory = join(tempDir(), id);
    mkdirSync(directory);
    const path = join(directory, 'criu-dump.log');
    writeFileSync(path, text);
    return path;
  };

  it('gives the end of a long log', async () => {
    const path = makeLog(`${'x'.repeat(300_000)}\nDumping FAILED.`);
    const text = await readDumpLog(`path= ${path}`, id);
    expect(text.length).toBe(256 * 1024);
    expect(text.endsWith('Dumping FAILED.')).toBe(true);
  });

  it('gives nothing when it is not there, and never follows a link', async () => {
    const path = makeLog('secret');
    const link = join(path, '..', 'dump.log');
    symlinkSync(path, link);
    expect(await readDumpLog(`path= ${link}`, id)).toBe('');
    expect(await readDumpLog(`path= ${path}x/dump.log`, id)).toBe('');
    expect(await readDumpLog(`path= ${path}`, id)).toBe('secret');
  });
});
