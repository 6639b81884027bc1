import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLateArchives, type LateArchives } from '../../src/agent/late-archives.ts';
import { createArchives } from '../../src/archive/index.ts';
import { archiveName } from '../../src/capture/index.ts';
import { openStore } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { makeImagesFolder } from '../support/images-folder.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createHeardFacts } from './support/parts.ts';

const tempDir = useTempDirs();
const running: LateArchives[] = [];
afterEach(async () => {
  for (const late of running.splice(0)) await late.stop();
});

const BEGUN_MS = Date.UTC(2026, 0, 1);

/** A capture of the agent before this one, whose end nobody saw. */
async function rig(spareBytes: () => number = () => 0) {
  const directory = tempDir();
  const clock = createFakeClock(BEGUN_MS);
  const { log, lines } = createRecordingLog();
  const store = openStore(':memory:');
  const archives = createArchives({ directory, store, clock, spareBytes });
  await archives.start();
  const { trigger, ...rest } = captureRequest('/unused', { backend: 'containerd' });
  const name = archiveName(trigger.target, BEGUN_MS + 123);
  const path = join(directory, name);
  const folder = makeImagesFolder(path, { dumped: null });
  const adopted: string[] = [];
  const facts = createHeardFacts(clock);
  const onAdopted = (_: string, adoptedPath: string) => adopted.push(adoptedPath);
  const late = createLateArchives({ archives, store, clock, log, facts: facts.facts, onAdopted });
  running.push(late);
  const timings = { ...rest.timings, startedAtMs: BEGUN_MS };
  late.expect({ path, sinceMs: BEGUN_MS }, { ...rest, trigger, timings, imagesFolder: folder });
  const looks = async (count: number) => {
    for (let look = 0; look < count; look++) {
      await clock.advance(5_000);
      await late.settled();
    }
  };
  return { archives, name, path, folder, adopted, late, lines, looks, clock, facts };
}

describe('images of a dump whose end nobody saw', () => {
  it('become an archive once they are whole and nothing is added to them', async () => {
    const one = await rig();
    const inventory = join(one.folder, 'checkpoint/inventory.img');
    const bytes = readFileSync(inventory);
    rmSync(inventory);
    for (let look = 0; look < 4; look++) {
      appendFileSync(join(one.folder, 'work/dump.log'), 'CRIU writes on\n');
      await one.looks(1);
    }
    await one.looks(3);
    expect(one.adopted).toEqual([]);
    writeFileSync(inventory, bytes);
    await one.looks(2);
    expect(one.adopted).toEqual([one.path]);
    expect(one.facts.of('ended')).toMatchObject([
      { outcome: { kind: 'archived', record: { missing: [{ member: 'rootfs-diff.tar' }, {}] } } },
    ]);
    expect([existsSync(one.folder), one.clock.waiting()]).toEqual([false, 0]);
  });

  it('are removed after a quarter of an hour when the dump never ended', async () => {
    const one = await rig();
    rmSync(join(one.folder, 'checkpoint/pstree.img'));
    await one.looks(179);
    expect(existsSync(one.folder)).toBe(true);
    await one.looks(2);
    expect([existsSync(one.folder), existsSync(one.path), one.clock.waiting()]).toEqual([
      false,
      false,
      0,
    ]);
  });

  it('are no leftover while they are waited for', async () => {
    const one = await rig();
    expect(one.late.awaited()).toEqual([one.name]);
  });

  it('are given up at once where the kubelet evicts pods for want of space', async () => {
    const one = await rig(() => Number.MAX_SAFE_INTEGER);
    await one.looks(2);
    expect(existsSync(one.folder)).toBe(false);
    expect(one.lines).toContainEqual(
      expect.objectContaining({
        event: 'images-given-up',
        fields: expect.objectContaining({ reason: 'under-eviction-floor' }),
      }),
    );
    expect(one.clock.waiting()).toBe(0);
  });
});
