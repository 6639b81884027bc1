import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createArchives, verifyArchive } from '../../src/archive/index.ts';
import { imagesFolder } from '../../src/capture/index.ts';
import { openStore } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type MadeUpCapture, makeImagesFolder } from '../support/images-folder.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';

async function captured(made: MadeUpCapture = {}) {
  const directory = tempDir();
  const archives = createArchives({
    directory,
    store: openStore(':memory:'),
    clock: createFakeClock(),
  });
  await archives.start();
  const path = join(directory, NAME);
  const folder = makeImagesFolder(path, made);
  const request = captureRequest(path, { imagesFolder: folder, backend: 'containerd' });
  return { archives, directory, path, folder, request };
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

describe('the archive of images', () => {
  it('is made, verified, recorded with what only its parts tell, and the images go', async () => {
    const { archives, path, folder, request } = await captured({
      dumped: { pause: 'freezer', stoodStillMs: 480 },
    });
    const kept = await archives.keep(request);
    expect(kept).toMatchObject({
      kind: 'kept',
      images: { kind: 'removed' },
      record: {
        archive: NAME,
        backend: 'containerd',
        engine: 'containerd',
        verified: 'complete',
        timings: { assemblyMs: expect.any(Number) },
        dump: { sequence: 'race', consistency: 'frozen', pause: 'freezer', stoodStillMs: 480 },
        missing: [{ member: 'container.log', why: 'the container has no log' }],
      },
    });
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(archives.records.paths.unfinished)).toEqual([]);
    if (kept.kind !== 'kept') return;
    expect(kept.record.sha256).toBe(sha256Of(path));
    expect(kept.record.bytes).toBe(readFileSync(path).length);
    expect(await verifyArchive(path)).toMatchObject({ record: { kind: 'matches' } });
    expect(archives.catalog.list()).toMatchObject([{ standing: { kind: 'recorded' } }]);
  });

  it('is taken as it is when a crash left it without its record', async () => {
    const { archives, path, folder, request } = await captured();
    const first = await archives.keep(request);
    if (first.kind !== 'kept') throw new Error(first.kind);
    await archives.records.beginRemoval(NAME);
    makeImagesFolder(path);
    const before = sha256Of(path);
    const again = await archives.keep(request);
    expect(again).toMatchObject({ kind: 'kept', images: { kind: 'removed' } });
    if (again.kind !== 'kept') return;
    expect(again.record).toMatchObject({ dump: first.record.dump, missing: first.record.missing });
    expect([again.record.sha256, sha256Of(path)]).toEqual([before, before]);
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps what its record told when only the journal does not know of it', async () => {
    const { archives, request } = await captured();
    const first = await archives.keep(request);
    if (first.kind !== 'kept') throw new Error(first.kind);
    await archives.records.write({ ...first.record, hold: { reason: 'legal', by: 'eve' } });
    const again = await archives.keep(request);
    if (again.kind !== 'kept') throw new Error(again.kind);
    const { dump, missing } = first.record;
    expect(again.record).toMatchObject({ dump, missing, hold: { reason: 'legal' } });
  });

  it('is made anew where a damaged one stands in its place', async () => {
    const { archives, path, request } = await captured();
    const timings = { ...request.timings, startedAtMs: Date.now() };
    writeFileSync(path, checkpointTar().subarray(0, 4_000));
    expect(await archives.keep({ ...request, timings })).toMatchObject({
      kind: 'kept',
      images: { kind: 'removed' },
    });
    expect((await verifyArchive(path)).record.kind).toBe('matches');
  });

  it('never replaces one of another container, and the images stay', async () => {
    const { archives, path, folder, request } = await captured();
    const other = checkpointTar({ pod: 'other-1' });
    writeFileSync(path, other);
    expect(await archives.keep(request)).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'other-container' }],
      removal: { kind: 'left' },
    });
    expect(readFileSync(path)).toEqual(other);
    expect(existsSync(imagesFolder(folder).dumped)).toBe(true);
  });

  it('of images that are not whole does not come to be, and they go', async () => {
    const { archives, path, folder, request } = await captured({
      parts: { processes: [{ pid: 1, runs: [{ pages: 2 }] }] },
    });
    writeFileSync(join(folder, 'checkpoint/pages-1.img'), Buffer.alloc(4096));
    const result = await archives.keep({
      ...request,
      timings: { ...request.timings, startedAtMs: Date.now() },
    });
    expect(result).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'pages-size' }],
      removal: { kind: 'removed' },
      images: { kind: 'removed' },
    });
    expect([existsSync(path), existsSync(folder)]).toEqual([false, false]);
  });

  it('of a dump that may still be under way is not given up', async () => {
    const { archives, folder, request } = await captured({ dumped: null });
    const { archivePath: _, ...rest } = request;
    const inventory = join(folder, 'checkpoint/inventory.img');
    const bytes = readFileSync(inventory);
    unlinkSync(inventory);
    expect(await archives.adopt(NAME, rest)).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'images-unusable', detail: expect.stringContaining('inventory.img') }],
      images: { kind: 'left' },
    });
    writeFileSync(inventory, bytes);
    expect(await archives.adopt(NAME, rest)).toMatchObject({
      kind: 'kept',
      record: {
        dump: { sequence: 'race' },
        missing: [
          { member: 'rootfs-diff.tar', why: 'the agent ended before it was taken' },
          { member: 'container.log' },
        ],
      },
      images: { kind: 'removed' },
    });
  });

  it('of images in memory is made from there, and the memory is given back', async () => {
    const memory = tempDir();
    const { archives, folder, request } = await captured({ memory });
    expect(await archives.keep(request)).toMatchObject({
      kind: 'kept',
      images: { kind: 'removed' },
    });
    expect([readdirSync(memory), existsSync(folder)]).toEqual([[], false]);
  });

  it('of images in memory that did not outlive the node is told as lost', async () => {
    const { archives, folder, request } = await captured({
      manifest: { imagesDirectory: `/run/gone/${NAME.slice(0, -4)}/checkpoint` },
    });
    expect(await archives.keep(request)).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'images-unusable', detail: expect.stringContaining('do not outlive') }],
      images: { kind: 'removed' },
    });
    expect(existsSync(folder)).toBe(false);
  });

  it('waits for room, and nothing is written before', async () => {
    const { directory, request } = await captured();
    let spareBytes = Number.MAX_SAFE_INTEGER;
    const archives = createArchives({
      directory,
      store: openStore(':memory:'),
      clock: createFakeClock(),
      spareBytes: () => spareBytes,
    });
    await expect(archives.keep(request)).rejects.toMatchObject({
      code: 'disk-low',
      details: { spareBytes },
    });
    expect(readdirSync(join(directory, '.stillpoint/unfinished'))).toEqual([]);
    spareBytes = 0;
    expect((await archives.keep(request)).kind).toBe('kept');
  });

  it('leaves what is not its own in the folder, and says so', async () => {
    const { archives, folder, request } = await captured();
    mkdirSync(join(folder, 'of-someone'));
    symlinkSync(dirname(folder), join(folder, 'work/link'));
    expect(await archives.keep(request)).toMatchObject({
      kind: 'kept',
      images: { kind: 'left', why: expect.stringContaining('of-someone') },
    });
    expect(readdirSync(folder).sort()).toEqual(['capture.json', 'of-someone', 'work']);
  });
});
