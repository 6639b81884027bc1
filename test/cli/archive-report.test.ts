import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createArchives, showArchive } from '../../src/archive/index.ts';
import { describeReport } from '../../src/cli/archive-report.ts';
import { openStore } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type MadeUpCapture, makeImagesFolder } from '../support/images-folder.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

async function shown(made: MadeUpCapture): Promise<string> {
  const directory = tempDir();
  const path = join(directory, 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar');
  const clock = createFakeClock();
  const archives = createArchives({ directory, store: openStore(':memory:'), clock });
  await archives.start();
  const imagesFolder = makeImagesFolder(path, made);
  await archives.keep(captureRequest(path, { imagesFolder, backend: 'containerd' }));
  const io = { isTerminal: false, columns: 200 } as never;
  return describeReport(io, await showArchive(path));
}

describe('an archive that was made of images', () => {
  it('tells how it was taken, and how long the container stood still', async () => {
    const text = await shown({ dumped: { pause: 'task', stoodStillMs: 480 } });
    expect(text).toMatch(
      /taken +race \(auto: kind memory\), paused by us; files while it stood still\n/,
    );
    expect(text).toMatch(/stood still +480ms\n/);
  });

  it('tells what it lacks, and why', async () => {
    const text = await shown({ dumped: null });
    expect(text).toMatch(/taken +race \(auto: kind memory\); files while/);
    expect(text).toMatch(
      /missing +rootfs-diff.tar \(the agent ended before it was taken\); container.log \(the container has no log\)\n/,
    );
  });

  it('tells that the guard process was there first', async () => {
    const text = await shown({
      manifest: { consistency: 'running' },
      dumped: { pause: 'freezer', guardLapsed: true },
    });
    expect(text).toContain('frozen by us; files while it ran; the guard process resumed it');
  });
});
