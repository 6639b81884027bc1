import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cancel, type Clock, nodeCodeOf } from '../base/index.ts';
import { formatMistakes, type LoadedRuleSet, loadRuleSet, type RuleSet } from './rule-set.ts';

export interface RuleFilesOptions {
  path: string;
  clock: Clock;
  /** A set without mistakes that differs from the one in force. */
  onSet(set: RuleSet): void;
  /** The files as they are now cannot be used; the last good set stays in force. */
  onRefused(mistakes: number, message: string): void;
}

/** Keeps the rules in force equal to the files, or to their last good state. */
export interface RuleFiles {
  /** Loads once, then looks for changes. */
  start(): Promise<void>;
  /** The text of the mistakes while the files cannot be used. */
  refused(): string | undefined;
  stop(): void;
}

const LOOK_EVERY_MS = 1_000;

export function createRuleFiles(options: RuleFilesOptions): RuleFiles {
  const { path, clock, onSet, onRefused } = options;
  let seen: string | undefined;
  let refused: string | undefined;
  let looking = false;
  let cancel: Cancel = () => undefined;

  const look = async () => {
    if (looking) return;
    looking = true;
    const found = await signatureOf(path);
    if (found !== seen) {
      seen = found;
      take(await loadRuleSet(path, clock.wallMs()));
    }
    looking = false;
  };

  const take = (loaded: LoadedRuleSet) => {
    if (loaded.ok) {
      refused = undefined;
      onSet(loaded.set);
    } else {
      refused = formatMistakes(loaded.mistakes);
      onRefused(loaded.mistakes.length, refused);
    }
  };

  return {
    async start() {
      await look();
      cancel = clock.every(LOOK_EVERY_MS, () => void look());
    },
    refused: () => refused,
    stop: () => cancel(),
  };
}

/**
 * Changes when a file comes, goes or is written. Cheap enough for once a second. It follows the
 * links of a mounted ConfigMap, so that the kubelet's swap of `..data` shows as new files.
 */
async function signatureOf(path: string): Promise<string> {
  try {
    const info = await stat(path);
    if (!info.isDirectory()) return describe(path, info);
    const names = (await readdir(path)).sort();
    const parts = names.map(async (name) => describe(name, await stat(join(path, name))));
    return (await Promise.all(parts)).join('\n');
  } catch (error) {
    return `unreadable: ${nodeCodeOf(error)}`;
  }
}

function describe(name: string, info: { ino: number; size: number; mtimeMs: number }): string {
  return `${name} ${info.ino} ${info.size} ${info.mtimeMs}`;
}
