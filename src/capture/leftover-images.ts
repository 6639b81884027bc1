import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Logger, messageOf, nodeCodeOf } from '../base/index.ts';
import { readLogTail, saysItEnded } from './dump-log.ts';
import { imagesFolder } from './images-folder.ts';

/** What a dump that came to nothing left. */
export interface DeadDump {
  folder: string;
  imagesDirectory: string;
  /** CRIU may still be at work: the call was given up, or its other side died. */
  mayGoOn: boolean;
}

/** Removes what failed dumps left, none before CRIU has surely ended. */
export interface LeftoverImages {
  /** Resolves once it is removed, or waits for CRIU. Never rejects. */
  discard(dump: DeadDump): Promise<void>;
  /** Gives up waiting: what is left then, the next start of the agent removes. */
  stop(): void;
}

const LOOK_MS = 2_000;

/** A killed CRIU leaves no last word; one that lives writes or logs within this. */
const QUIET_MS = 30_000;

interface Waiting extends DeadDump {
  seen: string;
  sinceMs: number;
}

export interface LeftoverImagesOptions {
  clock: Clock;
  log: Logger;
  /** Removes the folder of a capture and its images, as archive/ does; says what stays and why. */
  remove(folder: string): Promise<{ kind: 'removed' } | { kind: 'left'; why: string }>;
}

export function createLeftoverImages(options: LeftoverImagesOptions): LeftoverImages {
  const { clock, log } = options;
  const waiting = new Set<Waiting>();
  let isLooking = false;
  let cancel: (() => void) | undefined;

  const remove = async ({ folder }: DeadDump) => {
    try {
      const removal = await options.remove(folder);
      if (removal.kind === 'left') log.warn('images-stay', { folder, why: removal.why });
    } catch (error) {
      log.warn('images-stay', { folder, why: messageOf(error) });
    }
  };
  const look = async () => {
    for (const dump of waiting) {
      if (!(await hasEnded(dump, clock.monotonicMs()))) continue;
      waiting.delete(dump);
      await remove(dump);
      log.info('leftover-images-removed', { folder: dump.folder });
    }
    if (waiting.size === 0) stop();
  };
  const stop = () => {
    cancel?.();
    cancel = undefined;
  };
  return {
    async discard(dump) {
      if (!dump.mayGoOn || saysItEnded(await readLogTail(logOf(dump)))) return remove(dump);
      waiting.add({ ...dump, seen: '', sinceMs: clock.monotonicMs() });
      cancel ??= clock.every(LOOK_MS, () => {
        if (isLooking) return;
        isLooking = true;
        look()
          .catch((error: unknown) => log.error('leftover-images', { error }))
          .finally(() => {
            isLooking = false;
          });
      });
    },
    stop,
  };
}

/** CRIU said its last word, or nothing has changed for long. */
async function hasEnded(dump: Waiting, nowMs: number): Promise<boolean> {
  if (saysItEnded(await readLogTail(logOf(dump)))) return true;
  const seen = await sightOf([dump.imagesDirectory, imagesFolder(dump.folder).work]);
  if (seen !== dump.seen) {
    dump.seen = seen;
    dump.sinceMs = nowMs;
  }
  return nowMs - dump.sinceMs >= QUIET_MS;
}

function logOf({ folder }: DeadDump): string {
  return join(imagesFolder(folder).work, 'dump.log');
}

/** Names and sizes: whatever CRIU does, one of them changes. */
async function sightOf(directories: readonly string[]): Promise<string> {
  const seen: string[] = [];
  for (const directory of directories) {
    try {
      for (const name of await readdir(directory)) {
        seen.push(`${name} ${(await lstat(join(directory, name))).size}`);
      }
    } catch (error) {
      if (nodeCodeOf(error) === undefined) throw error;
      seen.push(`${directory} ${nodeCodeOf(error)}`);
    }
  }
  return seen.join('\n');
}
