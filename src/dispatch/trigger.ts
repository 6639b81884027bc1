import type { Decision } from '../rules/index.ts';
import type { ReasonCode, Target } from '../signal/index.ts';

/**
 * A decision to fire, accepted and journalled. Many decisions about one container join one
 * trigger while it waits or runs: one archive lists them all.
 */
export interface Trigger {
  /** Sortable and unique: `<time in ms, base 36>-<8 hex digits>`. */
  id: string;
  target: Target;
  acceptedMs: number;
  /** At least one; the first is the one that decided capture spec and class. */
  decisions: readonly Decision[];
}

/** What became of a decision that was offered to dispatch. */
export type Acceptance =
  | { kind: 'accepted'; trigger: Trigger }
  | { kind: 'coalesced'; trigger: Trigger }
  | { kind: 'refused'; reason: ReasonCode; detail: string };
