import type { Decision } from '../decision.ts';

/** One firing, or what mode observe would have done, in two replays of one recording. */
export type FiringChange =
  | { change: 'added'; after: Decision }
  | { change: 'removed'; before: Decision }
  | { change: 'changed'; before: Decision; after: Decision; what: readonly string[] }
  | { change: 'same'; before: Decision; after: Decision };

/** Whether a decision is a firing; what is only observed is one too. */
export function isFiring({ verdict, reason }: Decision): boolean {
  return verdict === 'fire' || reason === 'observed';
}

/**
 * What fires with other rules. Firings belong together when rule and container in its life are the
 * same: first those at the same time, the others in their order. In the order of time.
 */
export function compareFirings(
  before: readonly Decision[],
  after: readonly Decision[],
): FiringChange[] {
  const others = groups(after.filter(isFiring));
  const changes: FiringChange[] = [];
  for (const [key, old] of groups(before.filter(isFiring))) {
    changes.push(...pairs(old, others.get(key) ?? []));
    others.delete(key);
  }
  for (const added of [...others.values()].flat()) changes.push({ change: 'added', after: added });
  return changes.sort((a, b) => timeOf(a) - timeOf(b));
}

function pairs(before: readonly Decision[], after: readonly Decision[]): FiringChange[] {
  const left = new Set(after);
  const unpaired: Decision[] = [];
  const changes: FiringChange[] = [];
  const byTime = new Map(after.map((one) => [one.atMs, one]));
  for (const old of before) {
    const twin = byTime.get(old.atMs);
    if (twin && left.delete(twin)) changes.push(pair(old, twin));
    else unpaired.push(old);
  }
  const rest = left.values();
  for (const old of unpaired) {
    const next = rest.next();
    if (next.done) changes.push({ change: 'removed', before: old });
    else {
      left.delete(next.value);
      changes.push(pair(old, next.value));
    }
  }
  for (const added of left) changes.push({ change: 'added', after: added });
  return changes;
}

function pair(before: Decision, after: Decision): FiringChange {
  const what = [
    ...(before.atMs === after.atMs ? [] : ['time']),
    ...(before.verdict === after.verdict ? [] : ['mode']),
    ...(before.detail === after.detail ? [] : ['values']),
    ...(JSON.stringify(before.capture) === JSON.stringify(after.capture) ? [] : ['capture']),
    ...(before.retainClass === after.retainClass ? [] : ['class']),
  ];
  return what.length === 0
    ? { change: 'same', before, after }
    : { change: 'changed', before, after, what };
}

function groups(decisions: readonly Decision[]): Map<string, Decision[]> {
  const grouped = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const key = `${decision.rule} ${decision.target?.containerId ?? ''}`;
    const same = grouped.get(key) ?? [];
    same.push(decision);
    grouped.set(key, same);
  }
  return grouped;
}

function timeOf(change: FiringChange): number {
  return change.change === 'added' ? change.after.atMs : change.before.atMs;
}
