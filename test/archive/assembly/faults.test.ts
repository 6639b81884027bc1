import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import * as real from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { isStillpointError, StillpointError, systemClock } from '../../../src/base/index.ts';
import { useTempDirs } from '../../support/temp-dir.ts';

/** So many changes of the file system are carried out from now on, and none after them. */
let changesLeft = Number.POSITIVE_INFINITY;
let changes = 0;

function mortal<A extends unknown[], R>(
  act: (...args: A) => Promise<R>,
  isChange: (...args: A) => boolean = () => true,
): (...args: A) => Promise<R> {
  return async (...args) => {
    if (isChange(...args)) {
      changes++;
      if (changesLeft-- <= 0) throw new StillpointError({ code: 'io', message: 'dead' });
    }
    return act(...args);
  };
}

jest.unstable_mockModule('node:fs/promises', () => ({
  ...real,
  link: mortal(real.link),
  unlink: mortal(real.unlink),
  rename: mortal(real.rename),
  rmdir: mortal(real.rmdir),
  open: mortal(real.open, (_, flags) => typeof flags === 'number' && (flags & 0o100) !== 0),
}));

const { assembleArchive } = await import('../../../src/archive/assembly/index.ts');
const { createArchives, verifyArchive } = await import('../../../src/archive/index.ts');
const { openStore } = await import('../../../src/store/index.ts');
const { captureRequest } = await import('../../support/capture-request.ts');
const { makeImagesFolder } = await import('../../support/images-folder.ts');

const tempDir = useTempDirs();
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';

function prepared() {
  const directory = tempDir();
  const path = join(directory, NAME);
  // More than one buffer of the writer, so that a fault can hit it in the middle.
  const folder = makeImagesFolder(path, { rootfsDiff: 'layer'.repeat(500_000) });
  return { directory, path, folder, workspace: join(directory, '.stillpoint') };
}

describe('an error at any call of the writer', () => {
  it('leaves nothing, and the next try makes the archive', async () => {
    const { path, folder, workspace } = prepared();
    const worker = fileURLToPath(new URL('support/faulty-worker.ts', import.meta.url));
    let failures = 0;
    for (;;) {
      const [errno, code] = failures % 2 === 0 ? ['ENOSPC', 'disk-low'] : ['EIO', 'io'];
      writeFileSync(join(workspace, 'fault'), `${errno} ${failures + 1}`);
      try {
        await assembleArchive({ folder, archivePath: path, worker });
        break;
      } catch (error) {
        if (!isStillpointError(error)) throw error;
        expect(error).toMatchObject({ code });
        expect([readdirSync(join(workspace, 'unfinished')), existsSync(path)]).toEqual([[], false]);
        failures++;
      }
    }
    // Opening, two looks and reading of each file, the writing, its end.
    expect(failures).toBeGreaterThan(40);
    expect((await verifyArchive(path)).verification.kind).toBe('complete');
  });
});

describe('an agent that dies at any change of the file system', () => {
  it('leaves no half archive, and the next one ends the work and leaves nothing else', async () => {
    let survived = 0;
    for (let deaths = 0; survived === 0; deaths++) {
      const { directory, path, folder, workspace } = prepared();
      const request = captureRequest(path, { imagesFolder: folder });
      const options = { directory, store: openStore(':memory:'), clock: systemClock };
      const first = createArchives(options);
      await first.start(new Set([NAME]), () => 'unfinished');
      changesLeft = deaths;
      changes = 0;
      const left = await first.keep(request).catch(() => undefined);
      if (left?.kind === 'kept' && changes <= deaths) survived = deaths;
      changesLeft = Number.POSITIVE_INFINITY;
      if (existsSync(path)) {
        expect((await verifyArchive(path)).verification.kind).toBe('complete');
      }
      const next = createArchives({ ...options, store: openStore(':memory:') });
      await next.start(new Set([NAME]), () => 'unfinished');
      expect((await next.keep(request)).kind).toBe('kept');
      expect(await verifyArchive(path)).toMatchObject({
        verification: { kind: 'complete' },
        record: { kind: 'matches' },
      });
      const rest = ['images', 'unfinished', 'removing'].map((name) =>
        readdirSync(join(workspace, name)),
      );
      expect(rest).toEqual([[], [], []]);
    }
    expect(survived).toBeGreaterThanOrEqual(20);
  });
});
