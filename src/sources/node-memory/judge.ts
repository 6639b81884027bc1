import type { NodeMemory } from '../../node/index.ts';
import { amountBytes } from '../../signal/index.ts';
import type { NodeMemoryWatch } from './watch.ts';

/** Nearer than this share of the capacity to an amount, the next look comes soon. */
const NEAR_SHARE = 0.05;
/** What would be reached within this time at the present rate is near, too. */
const NEAR_MS = 2_000;

/** One look at the node. */
export interface Look extends NodeMemory {
  atMs: number;
}

/** Where the node stands among the watched amounts. */
export interface Standing {
  /** Less is available than one of `below`. */
  isLow: boolean;
  /** How many of all amounts are available; whoever waits for one waits for its change. */
  reached: number;
  /** The next look should come soon. */
  isNear: boolean;
}

/** Judges a look; `before` is the one before it. */
export function standingOf(watch: NodeMemoryWatch, look: Look, before: Look | undefined): Standing {
  const { availableBytes, capacityBytes } = look;
  const bytesOf = (amounts: NodeMemoryWatch['below']) =>
    amounts.map((amount) => amountBytes(amount, capacityBytes));
  const below = bytesOf(watch.below);
  const marks = [...below, ...bytesOf(watch.above)];
  const highest = Math.max(...marks);
  const nearBytes = Math.max(capacityBytes * NEAR_SHARE, fallPerMs(look, before) * NEAR_MS);
  return {
    isLow: below.some((bytes) => availableBytes < bytes),
    reached: marks.filter((bytes) => availableBytes >= bytes).length,
    isNear: availableBytes < highest + nearBytes,
  };
}

/** How fast it falls; never negative. */
function fallPerMs(look: Look, before: Look | undefined): number {
  const spanMs = before ? look.atMs - before.atMs : 0;
  if (!before || spanMs <= 0) return 0;
  return Math.max(0, (before.availableBytes - look.availableBytes) / spanMs);
}
