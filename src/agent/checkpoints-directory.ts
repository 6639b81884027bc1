import { basename } from 'node:path';
import { type Archives, type ImagesClaim, imageLeftovers } from '../archive/index.ts';
import {
  type Cancel,
  type Clock,
  isStillpointError,
  type Logger,
  messageOf,
} from '../base/index.ts';
import type { Journal, JournalState } from '../dispatch/index.ts';

export interface CheckpointsDirectoryOptions {
  archives: Archives;
  journal: Journal;
  /** File names of archives that may still appear, though their capture was given up. */
  awaited(): readonly string[];
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
  /**
   * Locks it, before anything else is done: two agents of one directory would each take the
   * other's archives for foreign. In a rollout the one before may still be ending, so that it is
   * waited for. Error: `conflict`; one that cannot be written is left to `start`.
   */
  claim(): Promise<void>;
  start(): Promise<void>;
  /** Why it cannot be used now. */
  problem(): string | undefined;
  stop(): void;
  /** Once nothing of this agent touches it any more. */
  release(): void;
}

const RETRY_MS = 10_000;
/** How long the agent before may take to end. */
const CLAIM_MS_MAX = 15_000;
const CLAIM_RETRY_MS = 250;

export function createCheckpointsDirectory(
  options: CheckpointsDirectoryOptions,
): CheckpointsDirectory {
  const { archives, journal, awaited, clock, log, onReady } = options;
  let problem: string | undefined = 'not looked at yet';
  let stopped = false;
  let cancel: Cancel = () => undefined;

  const claim = async (): Promise<void> => {
    const untilMs = clock.monotonicMs() + CLAIM_MS_MAX;
    for (let tries = 1; ; tries++) {
      try {
        await archives.claim();
        return;
      } catch (error) {
        if (!isStillpointError(error, 'conflict')) return;
        if (clock.monotonicMs() >= untilMs) throw error;
        if (tries === 1) log.warn('waiting-for-other-agent', { error, waitMsMax: CLAIM_MS_MAX });
      }
      await clock.sleep(CLAIM_RETRY_MS);
    }
  };

  const start = async (): Promise<void> => {
    try {
      await archives.claim();
      const claimed = claimedBy(journal, awaited());
      const claimOf = (path: string) => claimOfImages(journal.stateOf(path), claimed, path);
      const { leftovers, images, archives: found } = await archives.start(claimed, claimOf);
      for (const leftover of leftovers) log.warn('leftover', { ...leftover });
      for (const one of images) log.warn('images-left', { ...one, ...imageLeftovers[one.code] });
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
    claim,
    start,
    problem: () => problem,
    stop() {
      stopped = true;
      cancel();
    },
    release: () => archives.release(),
  };
}

/** Archives that unfinished triggers name, or that may still appear: ours without a record. */
function claimedBy(journal: Journal, awaited: readonly string[]): ReadonlySet<string> {
  const paths = journal.unfinished().map(({ facts }) => facts.archivePath);
  const names = paths.filter((path) => path !== undefined).map((path) => basename(path));
  return new Set([...names, ...awaited]);
}

/** A capture that was given up has ended by the journal, and may still leave an archive. */
function claimOfImages(
  state: JournalState | undefined,
  claimed: ReadonlySet<string>,
  path: string,
): ImagesClaim {
  if (claimed.has(basename(path))) return 'unfinished';
  return state === undefined ? 'unknown' : 'ended';
}
