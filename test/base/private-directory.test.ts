import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { closeToOthers } from '../../src/base/index.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

function directory(mode: number): string {
  const path = join(tempDir(), 'made-by-kubelet');
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

function close(path: string): { mode: number | undefined; events: string[] } {
  const { log, lines } = createRecordingLog();
  closeToOthers([path], log);
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  return { mode: mode && mode & 0o7777, events: lines.map(({ event }) => event) };
}

describe('a directory of the agent', () => {
  it('is closed to others when the kubelet has just made it', () => {
    expect(close(directory(0o755))).toEqual({
      mode: 0o700,
      events: ['directory-closed-to-others'],
    });
  });

  it('is only named when something lies in it', () => {
    const path = directory(0o750);
    writeFileSync(join(path, 'archive.tar'), '');
    expect(close(path)).toEqual({ mode: 0o750, events: ['directory-open-to-others'] });
  });

  it.each([
    ['private already', 0o700],
    ['shared by all', 0o1777],
  ])('is left alone when it is %s', (_what, mode) => {
    expect(close(directory(mode))).toEqual({ mode, events: [] });
  });

  it('need not be there', () => {
    expect(close(join(tempDir(), 'none'))).toEqual({ mode: undefined, events: [] });
  });
});
