import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { removeImages } from '../../src/archive/index.ts';
import {
  createLeftoverImages,
  imagesFolder,
  type LeftoverImages,
} from '../../src/capture/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { makeImagesFolder } from '../support/images-folder.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

let clock: FakeClock;
let leftovers: LeftoverImages;
let folder: string;
let memory: string;
let isRemoved: boolean;

beforeEach(() => {
  clock = createFakeClock();
  const directory = tempDir();
  isRemoved = false;
  const { log } = createRecordingLog(({ event }) => {
    if (event === 'leftover-images-removed') isRemoved = true;
  });
  leftovers = createLeftoverImages({ clock, log, remove: removeImages });
  const memoryDirectory = tempDir();
  const made = { memory: memoryDirectory, dumped: null, rootfsDiff: null };
  folder = makeImagesFolder(join(directory, 'checkpoint-a_b-c-x.tar'), made);
  memory = join(memoryDirectory, 'checkpoint-a_b-c-x', 'checkpoint');
  rmSync(logPath(), { force: true });
});

const dead = (mayGoOn: boolean) => ({ folder, imagesDirectory: memory, mayGoOn });
const logPath = () => join(imagesFolder(folder).work, 'dump.log');
const isThere = () => [existsSync(folder), existsSync(join(memory, '..'))];

describe('what a failed dump left', () => {
  it('is removed at once when CRIU has ended, in memory too', async () => {
    await leftovers.discard(dead(false));
    expect(isThere()).toEqual([false, false]);
  });

  it('is removed at once when CRIU has said its last word', async () => {
    writeFileSync(logPath(), '(00.4) Dumping FAILED.');
    await leftovers.discard(dead(true));
    expect(isThere()).toEqual([false, false]);
  });

  it('stays while CRIU writes, and is removed 30 s after its last sign of life', async () => {
    writeFileSync(logPath(), '(00.1) begun');
    await leftovers.discard(dead(true));
    for (let beats = 0; beats < 20; beats++) {
      writeFileSync(logPath(), `(00.1) begun${'.'.repeat(beats)}`);
      await clock.advance(2_000);
    }
    expect(isThere()).toEqual([true, true]);
    while (!isRemoved) await clock.advance(2_000);
    expect(isThere()).toEqual([false, false]);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(40_000 + 28_000);
  });

  it('is left to the next start when the agent stops', async () => {
    await leftovers.discard(dead(true));
    leftovers.stop();
    expect(clock.waiting()).toBe(0);
    expect(isThere()).toEqual([true, true]);
  });

  it('is never looked for outside of its place', async () => {
    const elsewhere = join(tempDir(), 'checkpoint-a_b-c-x');
    mkdirSync(elsewhere);
    const outside = { folder: elsewhere, imagesDirectory: elsewhere, mayGoOn: false };
    await leftovers.discard(outside);
    expect(existsSync(elsewhere)).toBe(true);
  });
});
