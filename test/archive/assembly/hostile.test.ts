import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { assembleArchive } from '../../../src/archive/assembly/index.ts';
import type { Member } from '../../../src/archive/assembly/member.ts';
import { LOG_BYTES_MAX, readLog } from '../../../src/archive/assembly/read-log.ts';
import { writeArchive } from '../../../src/archive/assembly/write-archive.ts';
import { type ImagesFolder, imagesFolder } from '../../../src/capture/index.ts';
import { makeImagesFolder } from '../../support/images-folder.ts';
import { useTempDirs } from '../../support/temp-dir.ts';

const tempDir = useTempDirs();
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';

function prepared() {
  const archivePath = join(tempDir(), NAME);
  const folder = makeImagesFolder(archivePath);
  const unfinished = join(dirname(archivePath), '.stillpoint/unfinished');
  return { archivePath, folder, paths: imagesFolder(folder), unfinished };
}

function editManifest(paths: ImagesFolder, more: object): void {
  const manifest = JSON.parse(readFileSync(paths.manifest, 'utf8'));
  writeFileSync(paths.manifest, JSON.stringify({ ...manifest, ...more }));
}

describe('a folder that is not what a capture leaves', () => {
  it.each<[situation: string, why: RegExp, spoil: (paths: ImagesFolder) => void]>([
    [
      'a link among the images',
      /"x.img" is a link/,
      ({ checkpoint }) => symlinkSync('/etc/passwd', join(checkpoint, 'x.img')),
    ],
    [
      'a directory among the images',
      /is a directory/,
      ({ checkpoint }) => mkdirSync(join(checkpoint, 'more')),
    ],
    [
      'a pipe among the images',
      /is a special/,
      ({ checkpoint }) => execFileSync('mkfifo', [join(checkpoint, 'p.img')]),
    ],
    [
      'a name that nobody gives',
      /no name that CRIU gives/,
      ({ checkpoint }) => writeFileSync(join(checkpoint, 'a\nb'), ''),
    ],
    [
      'a name of dots',
      /no name that CRIU gives/,
      ({ checkpoint }) => writeFileSync(join(checkpoint, '..img'), ''),
    ],
    [
      'a name that a header does not hold',
      /no name that CRIU gives/,
      ({ checkpoint }) => writeFileSync(join(checkpoint, `${'a'.repeat(100)}.img`), ''),
    ],
    [
      'a dump that did not end',
      /the dump did not end: pstree.img/,
      ({ checkpoint }) => unlinkSync(join(checkpoint, 'pstree.img')),
    ],
    [
      'images that are a link',
      /images are gone/,
      ({ root, checkpoint }) => {
        renameSync(checkpoint, join(root, 'elsewhere'));
        symlinkSync('elsewhere', checkpoint);
      },
    ],
    [
      'images of another capture',
      /images are gone/,
      (paths) =>
        editManifest(paths, { imagesDirectory: '/run/stillpoint/images/other/checkpoint' }),
    ],
    [
      'images in a path with dots',
      /images are gone/,
      (paths) => editManifest(paths, { imagesDirectory: `${paths.root}/work/../checkpoint` }),
    ],
    [
      'a note of another archive',
      /speaks of the archive "checkpoint-b.tar"/,
      (paths) => editManifest(paths, { archive: 'checkpoint-b.tar' }),
    ],
    ['no note', /no capture.json/, ({ manifest }) => unlinkSync(manifest)],
    [
      'a note that is a link',
      /capture.json/,
      ({ manifest, root }) => {
        renameSync(manifest, join(root, 'real.json'));
        symlinkSync('real.json', manifest);
      },
    ],
    ['a note of another shape', /version/, (paths) => editManifest(paths, { version: 2 })],
    ['an end that is no JSON', /dumped.json/, ({ dumped }) => writeFileSync(dumped, '{')],
  ])('makes no archive, and is not touched: %s', async (_, why, spoil) => {
    const { archivePath, folder, paths, unfinished } = prepared();
    spoil(paths);
    const before = execFileSync('find', [folder, '-ls'], { encoding: 'utf8' });
    const made = await assembleArchive({ folder, archivePath });
    expect(made).toEqual({ kind: 'unusable', why: expect.stringMatching(why) });
    expect(existsSync(archivePath)).toBe(false);
    expect(readdirSync(unfinished)).toEqual([]);
    expect(execFileSync('find', [folder, '-ls'], { encoding: 'utf8' })).toBe(before);
  });

  it.each<[situation: string, spoil: (paths: ImagesFolder) => void, why: RegExp]>([
    [
      'is a link',
      ({ rootfsDiff, root }) => {
        renameSync(rootfsDiff, join(root, 'l'));
        symlinkSync('l', rootfsDiff);
      },
      /7 bytes were taken, and no bytes/,
    ],
    ['was cut', ({ rootfsDiff }) => truncateSync(rootfsDiff, 3), /7 bytes were taken, and 3/],
    ['is gone', ({ rootfsDiff }) => unlinkSync(rootfsDiff), /7 bytes were taken, and no bytes/],
  ])(
    'names the changes of the root file system as missing when their layer %s',
    async (_, spoil, why) => {
      const { archivePath, folder, paths } = prepared();
      spoil(paths);
      expect(await assembleArchive({ folder, archivePath })).toMatchObject({
        kind: 'assembled',
        missing: [{ member: 'rootfs-diff.tar', why: expect.stringMatching(why) }, {}],
      });
    },
  );

  it('is refused when it is a link, or not there', async () => {
    const { archivePath, folder } = prepared();
    renameSync(folder, `${folder}-real`);
    await expect(assembleArchive({ folder, archivePath })).rejects.toMatchObject({
      code: 'not-found',
    });
    symlinkSync(`${folder}-real`, folder);
    await expect(assembleArchive({ folder, archivePath })).rejects.toMatchObject({
      code: 'bad-input',
    });
  });

  it('replaces nothing that has the name of its archive', async () => {
    const { archivePath, folder, unfinished } = prepared();
    writeFileSync(archivePath, 'of someone');
    await expect(assembleArchive({ folder, archivePath })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(readFileSync(archivePath, 'utf8')).toBe('of someone');
    expect(readdirSync(unfinished)).toEqual([]);
  });

  it('may hold what a try before it left', async () => {
    const { archivePath, folder, unfinished } = prepared();
    writeFileSync(join(unfinished, NAME), 'half of it');
    expect((await assembleArchive({ folder, archivePath })).kind).toBe('assembled');
    expect(readdirSync(unfinished)).toEqual([]);
  });
});

describe('a file that changes while the archive is made', () => {
  const planned = (path: string, more: object): Member => ({
    kind: 'file',
    name: 'checkpoint/pages-1.img',
    mode: 0o644,
    modifiedS: 1,
    path,
    bytes: 10,
    modifiedNs: '1',
    ...more,
  });

  it.each<[situation: string, write: (path: string) => void]>([
    ['it grew', (path) => writeFileSync(path, 'x'.repeat(20))],
    ['it was cut', (path) => writeFileSync(path, 'x')],
    ['it has another time', (path) => writeFileSync(path, 'x'.repeat(10))],
  ])('is told: %s', async (_, write) => {
    const directory = tempDir();
    const path = join(directory, 'pages-1.img');
    write(path);
    const order = { path: join(directory, 'out'), members: [planned(path, {})] };
    expect(await writeArchive(order)).toMatchObject({
      kind: 'changed',
      member: 'checkpoint/pages-1.img',
    });
  });

  it('is not followed when it has become a link', async () => {
    const directory = tempDir();
    symlinkSync('/etc/passwd', join(directory, 'link'));
    const order = { path: join(directory, 'out'), members: [planned(join(directory, 'link'), {})] };
    await expect(writeArchive(order)).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('an archive that is given up', () => {
  it('before it is begun leaves nothing', async () => {
    const { archivePath, folder, unfinished } = prepared();
    const signal = AbortSignal.abort();
    await expect(assembleArchive({ folder, archivePath, signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect([readdirSync(unfinished), existsSync(archivePath)]).toEqual([[], false]);
  });

  it('in the middle leaves nothing, and can be made afterwards', async () => {
    const { archivePath, folder, paths, unfinished } = prepared();
    const pages = join(paths.checkpoint, 'pages-9.img');
    writeFileSync(pages, '');
    // A hole: it costs no space and takes seconds to copy.
    truncateSync(pages, 4 * 2 ** 30);
    const giveUp = new AbortController();
    const watching = new AbortController();
    const begun = (async () => {
      for await (const _ of watch(unfinished, { signal: watching.signal })) return;
    })();
    const made = assembleArchive({ folder, archivePath, signal: giveUp.signal });
    await begun;
    giveUp.abort();
    await expect(made).rejects.toMatchObject({ code: 'cancelled' });
    expect([readdirSync(unfinished), existsSync(archivePath)]).toEqual([[], false]);
    rmSync(pages);
    expect((await assembleArchive({ folder, archivePath })).kind).toBe('assembled');
  });
});

describe('the log of a container', () => {
  function logDirectory(): string {
    const path = join(tempDir(), 'shop_cart_uid/app');
    mkdirSync(path, { recursive: true });
    return path;
  }

  it('is copied, and only its end when it is long', async () => {
    const path = join(logDirectory(), '0.log');
    writeFileSync(path, '0123456789');
    expect(Buffer.from((await readLog(path)).data ?? []).toString()).toBe('0123456789');
    const { data, why } = await readLog(path, 4);
    expect([Buffer.from(data ?? []).toString(), why]).toEqual([
      '6789',
      'its first 6 bytes are left out',
    ]);
    expect(LOG_BYTES_MAX).toBeGreaterThan(10 * 2 ** 20);
  });

  it.each<[situation: string, why: RegExp, make: (directory: string) => string]>([
    [
      'that is a link',
      /./,
      (directory) => {
        symlinkSync('/etc/passwd', join(directory, '0.log'));
        return join(directory, '0.log');
      },
    ],
    [
      'in a directory that is a link',
      /a link stands in its path/,
      (directory) => {
        writeFileSync(join(directory, '0.log'), 'x');
        symlinkSync(directory, join(dirname(directory), 'other'));
        return join(dirname(directory), 'other/0.log');
      },
    ],
    [
      'of a pod whose directory is a link',
      /a link stands in its path/,
      (directory) => {
        writeFileSync(join(directory, '0.log'), 'x');
        symlinkSync(dirname(directory), join(dirname(directory), '../pod-2'));
        return join(dirname(directory), '../pod-2', 'app/0.log').replace(/[^/]+\/\.\.\//, '');
      },
    ],
    [
      'that is a pipe',
      /no regular file/,
      (directory) => {
        execFileSync('mkfifo', [join(directory, '0.log')]);
        return join(directory, '0.log');
      },
    ],
    ['that is not there', /no such file/, (directory) => join(directory, '0.log')],
    ['with dots in its path', /its path is none/, (directory) => `${directory}/../app/0.log`],
    ['without a path', /has no log/, () => ''],
    ['with a path from nowhere', /its path is none/, () => 'app/0.log'],
  ])('is not taken from what is no log: %s', async (_, why, make) => {
    expect(await readLog(make(logDirectory()))).toEqual({ why: expect.stringMatching(why) });
  });

  it('is named as cut in the archive that has its end', async () => {
    const { archivePath, folder, paths } = prepared();
    const log = join(logDirectory(), '0.log');
    writeFileSync(log, '');
    truncateSync(log, LOG_BYTES_MAX);
    appendFileSync(log, 'the end');
    editManifest(paths, { logPath: log });
    expect(await assembleArchive({ folder, archivePath })).toMatchObject({
      missing: [{ member: 'container.log', why: 'its first 7 bytes are left out', isPartly: true }],
    });
    expect(readFileSync(archivePath).includes('the end')).toBe(true);
  });
});
