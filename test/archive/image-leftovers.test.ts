import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { judgeImages } from '../../src/archive/assembly/leftover-images.ts';
import { createArchives, type ImagesClaim, imageLeftovers } from '../../src/archive/index.ts';
import { imagesFolder } from '../../src/capture/index.ts';
import { openStore } from '../../src/store/index.ts';
import { recordOf } from '../support/archive-record.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type MadeUpCapture, makeImagesFolder } from '../support/images-folder.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const STEM = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z';
const NAME = `${STEM}.tar`;

function rig(made: MadeUpCapture = {}) {
  const directory = tempDir();
  const memory = tempDir();
  const folder = makeImagesFolder(join(directory, NAME), made);
  const clock = createFakeClock(Date.now());
  const archives = createArchives({
    directory,
    store: openStore(':memory:'),
    clock,
    memoryDirectory: memory,
  });
  const start = async (claim: ImagesClaim = 'unknown') => {
    const { images } = await archives.start(new Set(), () => claim);
    return images.map(({ code, removal }) => `${code} ${removal?.kind ?? 'not touched'}`);
  };
  return { clock, directory, memory, folder, paths: imagesFolder(folder), archives, start };
}

describe('images that a crash or a person left', () => {
  it('are taken up while the journal has an unfinished capture of them', async () => {
    for (const dumped of [null, {}]) {
      const { folder, start } = rig({ dumped });
      expect(await start('unfinished')).toEqual(['images-claimed not touched']);
      expect(existsSync(folder)).toBe(true);
    }
  });

  it.each<[situation: string, claim: ImagesClaim]>([
    ['by any journal', 'unknown'],
    ['by a capture that did not end', 'unfinished'],
  ])('go once archive and record are in place, claimed or not: %s', async (_, claim) => {
    const { directory, folder, archives, start } = rig();
    await archives.records.prepare();
    writeFileSync(join(directory, NAME), 'x');
    await archives.records.write(recordOf(NAME));
    expect(await start(claim)).toEqual(['images-recorded removed']);
    expect([existsSync(folder), existsSync(join(directory, NAME))]).toEqual([false, true]);
  });

  it('stay while the archive is there and its record is not', async () => {
    const { directory, folder, start } = rig();
    writeFileSync(join(directory, NAME), 'x');
    expect(await start('unfinished')).toEqual(['images-claimed not touched']);
    expect(existsSync(folder)).toBe(true);
  });

  it('go when the journal knows that their capture ended', async () => {
    const { folder, start } = rig({ dumped: null });
    expect(await start('ended')).toEqual(['images-of-ended removed']);
    expect(existsSync(folder)).toBe(false);
  });

  it('stay when they are whole and nobody knows of them', async () => {
    for (const dumped of [null, {}]) {
      const { folder, start } = rig({ dumped });
      expect(await start()).toEqual(['images-unclaimed not touched']);
      expect(existsSync(folder)).toBe(true);
    }
  });

  it.each<[situation: string, spoil: (paths: ReturnType<typeof imagesFolder>) => void]>([
    ['a dump that did not end', ({ checkpoint }) => rmSync(join(checkpoint, 'inventory.img'))],
    ['a half removed folder', ({ checkpoint }) => rmSync(checkpoint, { recursive: true })],
    ['no note of before the freeze', ({ manifest }) => rmSync(manifest)],
    ['a note that was cut', ({ manifest }) => writeFileSync(manifest, '{"version":1')],
  ])('go when nobody knows of them and they are not whole: %s', async (_, spoil) => {
    const { folder, paths, start } = rig();
    spoil(paths);
    const [found] = await start();
    expect(found).toMatch(/^images-(incomplete|lost) removed$/);
    expect(existsSync(folder)).toBe(false);
  });

  it('go when they lay in memory and the node was restarted', async () => {
    const { folder, start } = rig({
      manifest: { imagesDirectory: `/run/gone/${STEM}/checkpoint` },
    });
    expect(await start()).toEqual(['images-lost removed']);
    expect(existsSync(folder)).toBe(false);
  });

  it('in memory go with their folder, and without it', async () => {
    const one = rig();
    makeImagesFolder(join(one.directory, NAME), { memory: one.memory });
    expect(await one.start('ended')).toEqual(['images-of-ended removed']);
    expect(readdirSync(one.memory)).toEqual([]);
    makeImagesFolder(join(one.directory, NAME), { memory: one.memory });
    rmSync(one.folder, { recursive: true });
    expect(await one.start()).toEqual(['images-of-another-agent not touched']);
    await one.clock.advance(3_700_000);
    expect(await one.start()).toEqual(['images-without-folder removed']);
    expect(readdirSync(one.memory)).toEqual([]);
  });

  it.each<[situation: string, spoil: (folder: string) => void]>([
    [
      'a link among the images',
      (path) => symlinkSync('/etc/passwd', join(path, 'checkpoint/x.img')),
    ],
    [
      'a link to the images',
      (path) => {
        rmSync(join(path, 'checkpoint'), { recursive: true });
        symlinkSync('/etc', join(path, 'checkpoint'));
      },
    ],
    ['a directory of someone', (path) => mkdirSync(join(path, 'mine'))],
  ])('stay untouched when something foreign is among them: %s', async (_, spoil) => {
    for (const claim of ['unknown', 'ended', 'unfinished'] as const) {
      const { folder, start } = rig();
      spoil(folder);
      const before = readdirSync(folder);
      expect(await start(claim)).toEqual(['images-foreign not touched']);
      expect(readdirSync(folder)).toEqual(before);
    }
  });

  it('are passed over when they have no name of ours', async () => {
    const { directory, folder, memory, start } = rig();
    const root = join(directory, '.stillpoint/images');
    rmSync(folder, { recursive: true });
    writeFileSync(join(root, 'a-file'), '');
    symlinkSync('/etc', join(root, STEM));
    mkdirSync(join(memory, 'of-someone'));
    expect(await start()).toEqual(Array(3).fill('images-foreign not touched'));
    expect(readdirSync(root).sort()).toEqual(['a-file', STEM]);
  });

  const inMemory = ['images-without-folder', 'images-of-another-agent'];
  const onDisk = Object.keys(imageLeftovers).filter((code) => !inMemory.includes(code));

  it('have one row of the table for each combination of facts', () => {
    const claims = ['unfinished', 'ended', 'unknown'] as const;
    const seen = new Set<string>();
    for (const claim of claims) {
      for (let bits = 0; bits < 32; bits++) {
        const is = (bit: number) => (bits & (1 << bit)) !== 0;
        const code = judgeImages({
          claim,
          isOurs: is(0),
          archivePresent: is(1),
          recordPresent: is(2),
          imagesGone: is(3),
          imagesWhole: is(4),
        });
        seen.add(code);
        const { decision } = imageLeftovers[code];
        const isWholeAndUnknown = claim === 'unknown' && is(4) && !is(3) && !(is(1) && is(2));
        if (!is(0) || isWholeAndUnknown) expect(decision).toBe('keep');
      }
    }
    expect([...seen].sort()).toEqual(onDisk.sort());
  });
});

describe('docs/archives.md', () => {
  it('has a row with the decision for each state', () => {
    const text = readFileSync(new URL('../../docs/archives.md', import.meta.url), 'utf8');
    for (const [code, { decision }] of Object.entries(imageLeftovers)) {
      expect(text).toContain(`| \`${code}\` | ${decision.replace('-', ' ')} |`);
    }
  });
});

describe('the space that images take', () => {
  it('is counted to the byte of the disk, and no link is followed', async () => {
    const { folder, archives, paths } = rig();
    const before = archives.imagesSpaceBytes();
    expect(before).toBeGreaterThan(0);
    writeFileSync(join(paths.checkpoint, 'pages-9.img'), Buffer.alloc(1_048_576));
    symlinkSync('/usr', join(folder, 'link'));
    expect(archives.imagesSpaceBytes() - before).toBe(1_048_576);
    rmSync(folder, { recursive: true });
    expect(archives.imagesSpaceBytes()).toBe(0);
  });
});
