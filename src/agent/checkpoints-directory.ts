import { basename } from 'node:path';
import type { Archives } from '../archive/index.ts';
import { type Cancel, type Clock, type Logger, messageOf } from '../base/index.ts';
import type { Journal } from '../dispatch/index.ts';

export interface CheckpointsDirectoryOptions {
  archives: Archives;
  journal: Journal;
  clock: Clock;
  log: Logger;
  /** Once, when the directory was taken over. */
  onReady(): void;
}

/**
 * Takes the checkpoints directory over at the start. One that cannot be written (a read-only
 * mount, a full disk) does not end the agent: it says so, tries again, and the guard refuses
 * captures as `not-writable` meanwhile.
 */
export interface CheckpointsDirectory {
  start(): Promise<void>;
  /** Why it cannot be used now. */
  problem(): string | undefined;
  stop(): void;
}

const RETRY_MS = 10_000;

export function createCheckpointsDirectory(
  options: CheckpointsDirectoryOptions,
): CheckpointsDirectory {
  const { archives, journal, clock, log, onReady } = options;
  let problem: string | undefined = 'not looked at yet';
  let stopped = false;
  let cancel: Cancel = () => undefined;

  const start = async (): Promise<void> => {
    try {
      const { leftovers, archives: found } = await archives.start(claimedBy(journal));
      for (const leftover of leftovers) log.warn('leftover', { ...leftover });
      log.info('archives-found', found);
      problem = undefined;
      if (!stopped) onReady();
    } catch (error) {
      const message = messageOf(error);
      if (message !== problem) log.error('checkpoints-directory-unusable', { error });
      problem = message;
      if (stopped) return;
      cancel = clock.after(RETRY_MS, () => void start());
    }
  };

  return {
    start,
    problem: () => problem,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** Archives that unfinished triggers name: ours, though they have no record yet. */
function claimedBy(journal: Journal): ReadonlySet<string> {
  const paths = journal.unfinished().map(({ facts }) => facts.archivePath);
  return new Set(paths.filter((path) => path !== undefined).map((path) => basename(path)));
}
