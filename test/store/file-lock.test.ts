import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { takeFileLock } from '../../src/store/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

function lockFile(content = '') {
  const path = join(tempDir(), 'agent.lock');
  writeFileSync(path, content);
  return path;
}

/** A process of its own that has taken the lock. */
async function holder(path: string) {
  const module = pathToFileURL('src/store/index.ts').href;
  const script = `
    const { takeFileLock } = await import(${JSON.stringify(module)});
    const lock = takeFileLock(${JSON.stringify(path)});
    process.stdout.write(lock ? 'taken' : 'refused');
    setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await new Promise<string>((resolve) => {
    child.stdout.once('data', (chunk) => resolve(String(chunk)));
  });
  const kill = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  return { said, kill };
}

describe('a file lock', () => {
  it('is had by one at a time, and leaves nothing beside its file', () => {
    const path = lockFile();
    const first = takeFileLock(path);
    expect(first).toBeDefined();
    expect(takeFileLock(path)).toBeUndefined();
    expect(readdirSync(join(path, '..'))).toEqual(['agent.lock']);
    first?.release();
    const second = takeFileLock(path);
    expect(second).toBeDefined();
    second?.release();
  });

  it('holds against another process, and ends with it when it is killed', async () => {
    const path = lockFile();
    const { said, kill } = await holder(path);
    try {
      expect(said).toBe('taken');
      expect(takeFileLock(path)).toBeUndefined();
    } finally {
      await kill();
    }
    const mine = takeFileLock(path);
    expect(mine).toBeDefined();
    const other = await holder(path);
    await other.kill();
    expect(other.said).toBe('refused');
    mine?.release();
  }, 30_000);

  it('on a file of somebody else is an error, not a free lock', () => {
    const path = lockFile(
      'this is no database at all, but a text of more than a hundred bytes. '.repeat(20),
    );
    expect(() => takeFileLock(path)).toThrow(expect.objectContaining({ code: 'store' }));
  });
});
