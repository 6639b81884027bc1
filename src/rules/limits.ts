import { formatDuration } from '../base/index.ts';
import { describeTarget, type Owner, type ReasonCode } from '../signal/index.ts';
import { formatTime } from './format-time.ts';
import { type Named, type Scope, scopeKey } from './scope.ts';
import {
  type BudgetOf,
  budgetUntilMs,
  type Firing,
  isCounted,
  spendBudget,
  spentOf,
  takeBackBudget,
} from './state/budgets.ts';
import { cooldownUntilMs, startCooldown } from './state/cooldowns.ts';
import type { RulesState } from './state/state.ts';

/** How often a rule may fire. */
export interface Limits {
  cooldown: Cooldown;
  /** Left out = no bound. */
  budget?: Budget;
}

export interface Cooldown {
  forMs: number;
  per: Scope;
}

/** At most `count` firings in any stretch of `withinMs`. */
export interface Budget {
  count: number;
  withinMs: number;
  per: Scope;
}

/** Limits as a rule gives them, or as the defaults of the agent do. */
export interface GivenLimits {
  cooldown?: Cooldown;
  budget?: Budget | 'none';
}

/** The cooldown where nobody gives one. */
export const STANDARD_COOLDOWN: Cooldown = { forMs: 600_000, per: 'container' };

/** What a rule does not give is taken from the defaults. */
export function resolveLimits(given: GivenLimits, defaults: GivenLimits): Limits {
  const budget = given.budget ?? defaults.budget;
  return {
    cooldown: given.cooldown ?? defaults.cooldown ?? STANDARD_COOLDOWN,
    ...(budget && budget !== 'none' ? { budget } : {}),
  };
}

/** A rule with its limits, and what it would fire for. */
export interface Limited {
  rule: string;
  limits: Limits;
  target: Named;
  /** The top owner of the pod, for limits that count by it. */
  owner: Owner | undefined;
}

/** A limit that holds the rule back, and until when. */
export interface LimitFinding {
  reason: ReasonCode & ('cooldown' | 'budget');
  detail: string;
  untilMs: number;
}

/** The limit of the rule that holds it back now, if there is one. */
export function limitOf(state: RulesState, one: Limited, nowMs: number): LimitFinding | undefined {
  const { per } = one.limits.cooldown;
  const cooledMs = cooldownUntilMs(state.cooldowns, cooldownOf(one), nowMs);
  if (cooledMs !== undefined) {
    const whose = per === 'container' ? '' : ` for ${describeScope(per, one)}`;
    const detail = `until ${formatTime(cooledMs)}${whose}`;
    return { reason: 'cooldown', detail, untilMs: cooledMs };
  }
  const budget = budgetOf(one);
  const untilMs = budget && budgetUntilMs(state.budgets, budget, nowMs);
  if (!budget || untilMs === undefined) return undefined;
  const { count, withinMs } = budget;
  const whose = describeScope(one.limits.budget?.per ?? 'container', one);
  const detail =
    `${count} of ${count} within ${formatDuration(withinMs)} for ${whose}, ` +
    `counted on this node; until ${formatTime(untilMs)}`;
  return { reason: 'budget', detail, untilMs };
}

/** `1 of 3 within 1h`, of the budget; undefined without one. */
export function budgetLeft(state: RulesState, one: Limited, nowMs: number): string | undefined {
  const budget = budgetOf(one);
  if (!budget) return undefined;
  const { count, withinMs } = budget;
  return `${spentOf(state.budgets, budget, nowMs)} of ${count} within ${formatDuration(withinMs)}`;
}

/** The rule fires: it cools down, and one of its budget is spent. */
export function spendLimits(state: RulesState, one: Limited, atMs: number): void {
  coolDown(state, one, atMs);
  const budget = budgetOf(one);
  if (budget) spendBudget(state.budgets, budget, [atMs, describeTarget(one.target)]);
}

/**
 * The rule has fired, as a journal tells: again, or of a time before the last firing, it changes no
 * cooldown and is counted once.
 */
export function noteSpent(state: RulesState, one: Limited, atMs: number): void {
  coolDown(state, one, atMs);
  const budget = budgetOf(one);
  if (!budget) return;
  const firing: Firing = [atMs, describeTarget(one.target)];
  if (!isCounted(state.budgets, budget, firing)) spendBudget(state.budgets, budget, firing);
}

function coolDown(state: RulesState, one: Limited, atMs: number): void {
  const cooldown = cooldownOf(one);
  const lastMs = state.cooldowns.get(cooldown.rule)?.get(cooldown.key);
  if (lastMs === undefined || atMs > lastMs) startCooldown(state.cooldowns, cooldown, atMs);
}

/** After a refusal the rule may fire again this soon, unless its cooldown is shorter still. */
const REFUSED_AGAIN_MS = 30_000;

/**
 * The newest firing for the target led to nothing: its budget is given back, and the rule cools down for 30 s at
 * most, or as if it had fired where the refusal is one that lasts.
 */
export function takeBackLimits(
  state: RulesState,
  one: Limited,
  { nowMs, isLasting }: { nowMs: number; isLasting: boolean },
): void {
  const budget = budgetOf(one);
  if (budget) takeBackBudget(state.budgets, budget, describeTarget(one.target));
  const cooldown = cooldownOf(one);
  // Without a cooldown nothing would space the tries: such a rule waits for its next occasion.
  if (isLasting || cooldown.cooldownMs === 0) return;
  const endsMs = nowMs + Math.min(cooldown.cooldownMs, REFUSED_AGAIN_MS);
  startCooldown(state.cooldowns, cooldown, endsMs - cooldown.cooldownMs);
}

/** What a scope means for a target, for people. */
function describeScope(per: Scope, { rule, target, owner }: Limited): string {
  if (per === 'node') return 'this node';
  if (per === 'rule') return `rule ${rule}`;
  const key = scopeKey(per, target, owner);
  return per === 'owner' ? key : `${per} ${key}`;
}

function cooldownOf({ rule, limits, target, owner }: Limited) {
  const { forMs, per } = limits.cooldown;
  return { rule, key: scopeKey(per, target, owner), cooldownMs: forMs };
}

function budgetOf({ rule, limits, target, owner }: Limited): BudgetOf | undefined {
  const { budget } = limits;
  if (!budget) return undefined;
  const { count, withinMs, per } = budget;
  return { rule, key: scopeKey(per, target, owner), count, withinMs };
}
