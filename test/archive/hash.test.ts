import { createHash, randomFillSync } from 'node:crypto';
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashFile } from '../../src/archive/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

describe('the hash of a file', () => {
  it.each([0, 1, 1024 * 1024, 3 * 1024 * 1024 + 17])('of %d bytes', async (bytes) => {
    const data = randomFillSync(Buffer.alloc(bytes));
    const path = join(tempDir(), 'file');
    writeFileSync(path, data);
    const { sha256, identity } = await hashFile(path, { sync: true });
    expect(sha256).toBe(createHash('sha256').update(data).digest('hex'));
    expect(identity).toMatchObject({ bytes, inode: String(statSync(path).ino) });
  });

  it('is not made through a link, of a directory, or of nothing', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'real'), 'x');
    symlinkSync('real', join(dir, 'link'));
    await expect(hashFile(join(dir, 'link'))).rejects.toMatchObject({ code: 'bad-input' });
    await expect(hashFile(dir)).rejects.toMatchObject({ code: 'bad-input' });
    await expect(hashFile(join(dir, 'no'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is given up when asked to, before and during the work', async () => {
    const path = join(tempDir(), 'file');
    writeFileSync(path, Buffer.alloc(64 * 1024 * 1024));
    const before = AbortSignal.abort();
    await expect(hashFile(path, { signal: before })).rejects.toMatchObject({ code: 'cancelled' });
    const during = new AbortController();
    const hashing = hashFile(path, { signal: during.signal });
    during.abort();
    await expect(hashing).rejects.toMatchObject({ code: 'cancelled' });
  });
});
