import type { PodFact } from '../../../src/signal/index.ts';
import { idOf, type PlainBudget, type PlainRule, type PlainScope } from './plain-rule.ts';

/** One firing, with the names it had then; kept for ever. */
export interface PastFiring {
  rule: string;
  atMs: number;
  namespace: string;
  pod: string;
  container: string;
  ownerName: string;
}

/** What an agent gives to rules that say nothing. */
export interface PlainDefaults {
  cooldown?: { forMs: number; per: PlainScope };
  budget?: PlainBudget;
}

export interface Held {
  reason: 'cooldown' | 'budget';
  untilMs: number;
}

export function firingOf(
  rule: PlainRule,
  pod: PodFact,
  container: string,
  atMs: number,
): PastFiring {
  const { namespace, name } = pod;
  const owner = pod.topOwner ?? pod.owner ?? { kind: 'Pod', name };
  const ownerName = `${owner.kind} ${owner.name}`;
  return { rule: idOf(rule), atMs, namespace, pod: name, container, ownerName };
}

/** The limit that holds `next` back, from all firings there ever were. */
export function heldBack(
  past: readonly PastFiring[],
  rule: PlainRule,
  next: PastFiring,
  defaults: PlainDefaults,
): Held | undefined {
  const nowMs = next.atMs;
  const cooldown = rule.cooldown ?? defaults.cooldown ?? { forMs: 600_000, per: 'container' };
  const cooling = past.filter(
    (one) => isOneScope(cooldown.per, one, next) && one.atMs + cooldown.forMs > nowMs,
  );
  if (cooling.length > 0) {
    const lastMs = Math.max(...cooling.map(({ atMs }) => atMs));
    return { reason: 'cooldown', untilMs: lastMs + cooldown.forMs };
  }
  const budget = rule.budget ?? defaults.budget ?? 'none';
  if (budget === 'none') return undefined;
  const { count, withinMs } = budget;
  const spent = past
    .filter((one) => isOneScope(budget.per, one, next) && one.atMs + withinMs > nowMs)
    .map(({ atMs }) => atMs)
    .sort((a, b) => b - a);
  const oldest = spent[count - 1];
  return oldest === undefined ? undefined : { reason: 'budget', untilMs: oldest + withinMs };
}

function isOneScope(per: PlainScope, one: PastFiring, other: PastFiring): boolean {
  const isSame = (...keys: (keyof PastFiring)[]) => keys.every((key) => one[key] === other[key]);
  if (!isSame('rule')) return false;
  switch (per) {
    case 'container':
      return isSame('namespace', 'pod', 'container');
    case 'pod':
      return isSame('namespace', 'pod');
    case 'owner':
      return isSame('namespace', 'ownerName');
    case 'namespace':
      return isSame('namespace');
    case 'node':
    case 'rule':
      return true;
  }
}
