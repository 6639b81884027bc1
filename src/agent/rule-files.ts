import { type Cancel, type Clock, type Logger, messageOf, nextTurn } from '../base/index.ts';
import { signatureOf } from './file-signature.ts';
import { formatMistakes, type LoadedRuleSet, loadRuleSet, type RuleSet } from './rule-set.ts';

export interface RuleFilesOptions {
  path: string;
  clock: Clock;
  log: Logger;
  /** A set without mistakes that differs from the one in force. */
  onSet(set: RuleSet): void;
  /** The files as they are now cannot be used; the last good set stays in force. */
  onRefused(mistakes: number, message: string): void;
}

/** Keeps the rules in force equal to the files, or to their last good state. */
export interface RuleFiles {
  /** Loads once, then looks for changes. Errors: whatever `onSet` throws at the first load. */
  start(): Promise<void>;
  /** Why the files as they are now are not in force. */
  refused(): string | undefined;
  /** Resolves when no look at the files is under way. */
  settled(): Promise<void>;
  /** Looks no more; a look that is under way puts nothing in force. */
  stop(): void;
}

const LOOK_EVERY_MS = 1_000;
/** Of a set that is refused, in log and status: a file can hold thousands. */
const MISTAKES_TOLD_MAX = 50;

export function createRuleFiles(options: RuleFilesOptions): RuleFiles {
  const { path, clock, log, onSet, onRefused } = options;
  let seen: string | undefined;
  let refused: string | undefined;
  let stopped = false;
  let underWay: Promise<void> | undefined;
  let cancel: Cancel = () => undefined;

  const look = async () => {
    const found = await signatureOf(path);
    if (found === seen) return;
    const loaded = await loadRuleSet(path, clock.wallMs());
    // Checking ended in a turn that was long enough.
    await nextTurn();
    if (stopped) return;
    take(loaded);
    seen = found;
  };

  const take = (loaded: LoadedRuleSet) => {
    if (loaded.ok) {
      onSet(loaded.set);
      refused = undefined;
    } else {
      refused = formatMistakes(loaded.mistakes, MISTAKES_TOLD_MAX);
      onRefused(loaded.mistakes.length, refused);
    }
  };

  /** What could not be put in force now is tried again at the next look. */
  const lookAgain = () => {
    underWay ??= look()
      .catch((error: unknown) => {
        const why = messageOf(error);
        if (why !== refused) log.error('rules-not-taken', { error });
        refused = why;
      })
      .finally(() => {
        underWay = undefined;
      });
  };

  return {
    async start() {
      await look();
      cancel = clock.every(LOOK_EVERY_MS, lookAgain);
    },
    refused: () => refused,
    settled: async () => underWay,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
