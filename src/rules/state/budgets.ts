import { AgedMap } from './aged-map.ts';

/** How many scopes of one rule are counted at once; the one that fired longest ago is dropped. */
const SCOPES_MAX = 10_000;

/** When a rule fired, and for which target, as `namespace/pod/container`. */
export type Firing = [atMs: number, target: string];

/**
 * Firings within the window of each rule's budget, by rule and scope (`scopeKey`), oldest first.
 * A scope holds no more firings than its budget allows. Scopes are in the order of their newest
 * firing, so the expired ones are at the front.
 */
export type Budgets = Map<string, AgedMap<Firing[]>>;

/** A budget of one rule for one scope. */
export interface BudgetOf {
  rule: string;
  key: string;
  count: number;
  withinMs: number;
}

/** Until when the budget is used up; undefined when something is left of it. */
export function budgetUntilMs(
  budgets: Budgets,
  { rule, key, count, withinMs }: BudgetOf,
  nowMs: number,
): number | undefined {
  const firings = budgets.get(rule)?.get(key);
  // The oldest of the last `count` firings: when it leaves the window, one more is allowed.
  const oldest = firings?.at(-count);
  if (!oldest || oldest[0] + withinMs <= nowMs) return undefined;
  return oldest[0] + withinMs;
}

/** Firings within the window. */
export function spentOf(
  budgets: Budgets,
  { rule, key, withinMs }: BudgetOf,
  nowMs: number,
): number {
  const firings = budgets.get(rule)?.get(key) ?? [];
  return firings.filter(([atMs]) => atMs + withinMs > nowMs).length;
}

/** Whether this very firing was counted: a journal tells of those that a snapshot holds too. */
export function isCounted(
  budgets: Budgets,
  { rule, key }: { rule: string; key: string },
  [atMs, target]: Firing,
): boolean {
  const known = budgets.get(rule)?.get(key) ?? [];
  return known.some((one) => one[0] === atMs && one[1] === target);
}

/** Counts a firing, which may be told late. Forgets what no budget needs. */
export function spendBudget(
  budgets: Budgets,
  { rule, key, count, withinMs }: BudgetOf,
  [atMs, target]: Firing,
): void {
  let ofRule = budgets.get(rule);
  if (!ofRule) {
    ofRule = new AgedMap();
    budgets.set(rule, ofRule);
  }
  const known = ofRule.get(key) ?? [];
  const later = known.findIndex((one) => one[0] > atMs);
  known.splice(later < 0 ? known.length : later, 0, [atMs, target]);
  ofRule.setNewest(key, known.slice(-count));
  for (let oldest = ofRule.oldest(); oldest; oldest = ofRule.oldest()) {
    const [oldestKey, firings] = oldest;
    const newestMs = firings.at(-1)?.[0] ?? 0;
    if (newestMs + withinMs > atMs && ofRule.size <= SCOPES_MAX) break;
    ofRule.delete(oldestKey);
  }
}

/** Takes the newest firing for the target back: it led to nothing. */
export function takeBackBudget(
  budgets: Budgets,
  { rule, key }: { rule: string; key: string },
  target: string,
): void {
  const ofRule = budgets.get(rule);
  const firings = ofRule?.get(key);
  const index = firings?.findLastIndex((one) => one[1] === target) ?? -1;
  if (!firings || index < 0) return;
  firings.splice(index, 1);
  if (firings.length === 0) ofRule?.delete(key);
}

/** Moves every time by `byMs`, for a clock that was set. */
export function shiftBudgets(budgets: Budgets, byMs: number): void {
  for (const ofRule of budgets.values()) {
    for (const [, firings] of ofRule) {
      for (const firing of firings) firing[0] += byMs;
    }
  }
}
