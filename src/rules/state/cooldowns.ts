import { AgedMap } from './aged-map.ts';

/** How many targets of one rule can cool down at once; the oldest is dropped beyond it. */
const TARGETS_MAX = 10_000;

/**
 * When each rule last fired, by target name (`namespace/pod/container`): a new life, or a pod
 * reborn under the name, is still cooling. Entries are in the order of firing, so the expired ones
 * are at the front.
 */
export type Cooldowns = Map<string, AgedMap<number>>;

/** Until when the target cools down; undefined when it does not. */
export function cooldownUntilMs(
  cooldowns: Cooldowns,
  { rule, key, cooldownMs }: { rule: string; key: string; cooldownMs: number },
  nowMs: number,
): number | undefined {
  const firedMs = cooldowns.get(rule)?.get(key);
  if (firedMs === undefined || firedMs + cooldownMs <= nowMs) return undefined;
  return firedMs + cooldownMs;
}

/** Notes that the rule fired, and forgets what has cooled down. */
export function startCooldown(
  cooldowns: Cooldowns,
  { rule, key, cooldownMs }: { rule: string; key: string; cooldownMs: number },
  nowMs: number,
): void {
  if (cooldownMs === 0) return;
  let ofRule = cooldowns.get(rule);
  if (!ofRule) {
    ofRule = new AgedMap();
    cooldowns.set(rule, ofRule);
  }
  ofRule.setNewest(key, nowMs);
  for (let oldest = ofRule.oldest(); oldest; oldest = ofRule.oldest()) {
    const [oldestKey, firedMs] = oldest;
    if (firedMs + cooldownMs > nowMs && ofRule.size <= TARGETS_MAX) break;
    ofRule.delete(oldestKey);
  }
}

/** Moves every time by `byMs`, for a clock that was set. */
export function shiftCooldowns(cooldowns: Cooldowns, byMs: number): void {
  for (const ofRule of cooldowns.values()) {
    ofRule.replaceAll((firedMs) => firedMs + byMs);
  }
}
