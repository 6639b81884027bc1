import type { Clock, Logger } from '../base/index.ts';
import type { Journal } from '../dispatch/index.ts';
import {
  createRulesState,
  noteFired,
  type RulesCore,
  type RulesState,
  restoreState,
  saveState,
} from '../rules/index.ts';
import { readSetting, type Store, writeSetting } from '../store/index.ts';

const NAME = 'rules-state';
/** More captures than this since the last save cannot be: the hourly budget forbids it. */
const JOURNALLED_MAX = 1_000;

/**
 * The saved state of the rules. It is not written when a rule fires, because a container is being
 * frozen then: what fired since the last save is taken from the journal instead, which was written
 * first. So a crash neither forgets a cooldown nor costs the race a sync.
 */
export interface SavedRulesState {
  load(core: RulesCore, journal: Journal): RulesState;
  save(core: RulesCore, state: RulesState): void;
}

export function createSavedRulesState(store: Store, clock: Clock, log: Logger): SavedRulesState {
  return {
    load(core, journal) {
      const state = read(store, core, log);
      noteFirings(core, state, journalledFirings(journal));
      return state;
    },
    save(core, state) {
      writeSetting(store, NAME, { savedMs: clock.wallMs(), state: saveState(core, state) });
    },
  };
}

type JournalledFiring = Parameters<typeof noteFired>[2];

/** What fired lately, the oldest first. Errors: those of the journal. */
export function journalledFirings(journal: Journal): JournalledFiring[] {
  return journal
    .recent(JOURNALLED_MAX)
    .reverse()
    .flatMap(({ trigger, state: reached }) => {
      // Its cooldown was taken back when it was refused (noteRefused): not anew by a restart.
      if (reached === 'refused') return [];
      const { target } = trigger;
      return trigger.decisions.map(({ rule, atMs, owner }) => ({ rule, target, atMs, owner }));
    });
}

/** Cooldowns of what fired. */
export function noteFirings(
  core: RulesCore,
  state: RulesState,
  fired: readonly JournalledFiring[],
): void {
  for (const one of fired) noteFired(core, state, one);
}

function read(store: Store, core: RulesCore, log: Logger): RulesState {
  try {
    const saved = readSetting(store, NAME);
    if (saved === undefined) return createRulesState();
    return restoreState(core, (saved as { state?: unknown } | null)?.state);
  } catch (error) {
    log.warn('rules-state-lost', { error, consequence: 'windows and cooldowns begin anew' });
    return createRulesState();
  }
}
