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
      noteJournalled(core, state, journal);
      return state;
    },
    save(core, state) {
      writeSetting(store, NAME, { savedMs: clock.wallMs(), state: saveState(core, state) });
    },
  };
}

/** Cooldowns of what fired, as the journal knows it. */
export function noteJournalled(core: RulesCore, state: RulesState, journal: Journal): void {
  for (const { trigger, state: reached } of journal.recent(JOURNALLED_MAX).reverse()) {
    // Its cooldown was taken back when it was refused (noteRefused): not anew by a restart.
    if (reached === 'refused') continue;
    for (const { rule, atMs, owner } of trigger.decisions) {
      noteFired(core, state, { rule, target: trigger.target, atMs, owner });
    }
  }
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
