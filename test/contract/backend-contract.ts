import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  archiveName,
  type Backend,
  type CheckpointReply,
  type DumpOrder,
  type HeldFreeze,
  imagesFolder,
  imagesFolderOf,
  readDumpedFacts,
  readImagesManifest,
} from '../../src/capture/index.ts';
import type { Target } from '../../src/signal/index.ts';

/** What a suite for a backend runs in: a fake runtime, the sim, or a real node. */
export interface BackendWorld {
  backend: Backend;
  /** A running container. */
  target: Target;
  /** One that does not exist. */
  unknownTarget: Target;
  checkpointsDirectory: string;
  /** For a backend that leaves images: how it is to go about it. */
  order?(target: Target, archivePath: string): Promise<DumpOrder>;
  /** Makes the next checkpoint last until it is given up. Resolves once it has begun. */
  holdNext(): { begun: Promise<void> };
  /** Lets `ms` pass on the clock of the backend. */
  pass(ms: number): Promise<void>;
  /**
   * Resolves when the container is not held by any checkpoint, and runs; for a freeze that the
   * backend tells of, by the thaw check that must come after it.
   */
  runsAgain(held?: HeldFreeze): Promise<void>;
  close(): Promise<void>;
}

/** What every backend must do, whatever is behind it. */
export function backendContract(name: string, open: () => Promise<BackendWorld>): void {
  describe(`${name} keeps the contract of a backend`, () => {
    let world: BackendWorld;
    let made = 0;

    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());

    const ask = async (
      change: { target?: Target; timeoutMs?: number } = {},
      signal = new AbortController().signal,
    ) => {
      const target = change.target ?? world.target;
      const named = archiveName(target, Date.UTC(2026, 0, 1) + made++);
      const archivePath = join(world.checkpointsDirectory, named);
      const { timeoutMs = 600_000 } = change;
      const dump = await world.order?.(target, archivePath);
      return world.backend.checkpoint({ target, archivePath, timeoutMs, dump }, signal);
    };
    const isOver = async (reply: CheckpointReply) => {
      const held = 'held' in reply ? reply.held : undefined;
      await world.runsAgain(held);
      held?.release();
    };

    it('may be tried, and says why', async () => {
      const { kind, why } = await world.backend.availability();
      expect({ absent: kind === 'absent', saysWhy: why !== '' }).toEqual({
        absent: false,
        saysWhy: true,
      });
    });

    it('makes an archive, or the images for one, that only root can read, and says where', async () => {
      const reply = await ask();
      if (world.backend.leavesImages) {
        await mustBeImages(mustBe('dumped', reply), world);
        return;
      }
      const { archivePath } = mustBe('done', reply);
      const found = lstatSync(archivePath);
      expect(dirname(archivePath)).toBe(world.checkpointsDirectory);
      expect({ isFile: found.isFile(), mode: found.mode & 0o777 }).toEqual({
        isFile: true,
        mode: 0o600,
      });
    });

    it('names a container that does not exist, and is sure that nothing goes on', async () => {
      const reply = await ask({ target: world.unknownTarget });
      const failed = mustBe('failed', reply);
      await leavesNothing(failed, world);
      expect(failed).toMatchObject({
        failure: expect.stringMatching(/^(target-gone|not-running)$/),
        message: expect.stringMatching(/./),
        mayFinishLater: false,
      });
    });

    it('is given up by the signal, and does not claim that nothing goes on', async () => {
      const stop = new AbortController();
      const { begun } = world.holdNext();
      const reply = ask({}, stop.signal);
      await begun;
      stop.abort();
      const failed = mustBe('failed', await reply);
      expect(failed).toMatchObject({ failure: 'cancelled', mayFinishLater: true });
      await isOver(failed);
      await leavesNothing(failed, world);
    });

    it('gives up by itself when the time is up', async () => {
      const { begun } = world.holdNext();
      const reply = ask({ timeoutMs: 300 });
      await begun;
      await world.pass(300);
      const failed = mustBe('failed', await reply);
      expect(failed).toMatchObject({ failure: 'timeout', mayFinishLater: true });
      await isOver(failed);
    });

    it('works again after a call that was given up', async () => {
      const stop = new AbortController();
      const { begun } = world.holdNext();
      const reply = ask({}, stop.signal);
      await begun;
      stop.abort();
      await isOver(await reply);
      const again = await ask();
      mustBe(world.backend.leavesImages ? 'dumped' : 'done', again);
      await isOver(again);
    });
  });
}

/** Once it runs: the folder is complete, says so, and is for root alone. */
async function mustBeImages(
  { folder, held, complete }: Extract<CheckpointReply, { kind: 'dumped' }>,
  { checkpointsDirectory, runsAgain }: BackendWorld,
): Promise<void> {
  await runsAgain(held);
  held?.release();
  expect(await readDumpedFacts(folder)).toBeUndefined();
  await complete(new AbortController().signal);
  const { archive, sequence, imagesDirectory } = await readImagesManifest(folder);
  expect(folder).toBe(imagesFolderOf(checkpointsDirectory, join(checkpointsDirectory, archive)));
  expect(sequence).toBe(held ? 'race' : 'calm');
  expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(imagesDirectory)).toContain('inventory.img');
  expect(readdirSync(imagesFolder(folder).work).sort()).toEqual(['dump.log', 'stats-dump']);
  expect(await readDumpedFacts(folder)).toMatchObject({ files: { kind: 'taken' } });
}

/** What it had begun is gone, once nobody writes there any more. */
async function leavesNothing(
  { discard }: Extract<CheckpointReply, { kind: 'failed' }>,
  { checkpointsDirectory, pass, backend }: BackendWorld,
): Promise<void> {
  await discard?.();
  if (!backend.leavesImages) return;
  const root = join(checkpointsDirectory, '.stillpoint', 'images');
  for (let looks = 0; readdirSync(root).length > 0; looks++) {
    if (looks === 100) throw new Error(`left in ${root}: ${readdirSync(root).join(', ')}`);
    await pass(1_000);
  }
}

function mustBe<Kind extends CheckpointReply['kind']>(
  kind: Kind,
  reply: CheckpointReply,
): Extract<CheckpointReply, { kind: Kind }> {
  expect(reply).toMatchObject({ kind });
  return reply as Extract<CheckpointReply, { kind: Kind }>;
}
