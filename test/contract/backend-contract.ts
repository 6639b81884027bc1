import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { archiveName, type Backend, type CheckpointReply } from '../../src/capture/index.ts';
import type { Target } from '../../src/signal/index.ts';

/** What a suite for a backend runs in: a fake runtime, the sim, or a real node. */
export interface BackendWorld {
  backend: Backend;
  /** A running container. */
  target: Target;
  /** One that does not exist. */
  unknownTarget: Target;
  checkpointsDirectory: string;
  /** Makes the next checkpoint last until it is given up. Resolves once it has begun. */
  holdNext(): { begun: Promise<void> };
  /** Lets `ms` pass on the clock of the backend. */
  pass(ms: number): Promise<void>;
  /** Resolves when the container is not held by any checkpoint, and runs. */
  runsAgain(): Promise<void>;
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

    const ask = (
      change: { target?: Target; timeoutMs?: number } = {},
      signal = new AbortController().signal,
    ) => {
      const target = change.target ?? world.target;
      const named = archiveName(target, Date.UTC(2026, 0, 1) + made++);
      const archivePath = join(world.checkpointsDirectory, named);
      const { timeoutMs = 600_000 } = change;
      return world.backend.checkpoint({ target, archivePath, timeoutMs }, signal);
    };

    it('may be tried, and says why', async () => {
      const { kind, why } = await world.backend.availability();
      expect({ absent: kind === 'absent', saysWhy: why !== '' }).toEqual({
        absent: false,
        saysWhy: true,
      });
    });

    it('makes an archive that only root can read, and says where', async () => {
      const reply = await ask();
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
      expect(mustBe('failed', reply)).toMatchObject({
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
      expect(mustBe('failed', await reply)).toMatchObject({
        failure: 'cancelled',
        mayFinishLater: true,
      });
      await world.runsAgain();
    });

    it('gives up by itself when the time is up', async () => {
      const { begun } = world.holdNext();
      const reply = ask({ timeoutMs: 300 });
      await begun;
      await world.pass(300);
      expect(mustBe('failed', await reply)).toMatchObject({
        failure: 'timeout',
        mayFinishLater: true,
      });
      await world.runsAgain();
    });

    it('works again after a call that was given up', async () => {
      const stop = new AbortController();
      const { begun } = world.holdNext();
      const reply = ask({}, stop.signal);
      await begun;
      stop.abort();
      await reply;
      await world.runsAgain();
      mustBe('done', await ask());
    });
  });
}

function mustBe<Kind extends CheckpointReply['kind']>(
  kind: Kind,
  reply: CheckpointReply,
): Extract<CheckpointReply, { kind: Kind }> {
  expect(reply).toMatchObject({ kind });
  return reply as Extract<CheckpointReply, { kind: Kind }>;
}
