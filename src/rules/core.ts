import type { ContainerFact } from '../signal/index.ts';
import type { CaptureSpec } from './decision.ts';
import { type DenyList, denyReason } from './deny.ts';
import { type GivenLimits, type Limits, resolveLimits } from './limits.ts';
import { rulesReaching } from './reach-index.ts';
import { createRedactor, type Redactor } from './redact.ts';
import type { Rule, RuleOf } from './rule.ts';
import { type RuleIndex, ruleIndexOf } from './rule-index.ts';
import { captureDefaults } from './schema/index.ts';
import { selectsContainer, selectsPod } from './select.ts';
import type { PodEntry } from './state/pod-table.ts';

export { isOf } from './rule-index.ts';

/** What the core must know of its node. */
export interface RulesOptions {
  /** This node's name in Kubernetes. */
  nodeName: string;
  denyList: DenyList;
  /** `observe` holds for every rule, and for requests; default `enforce`: each rule as it says. */
  mode?: 'enforce' | 'observe';
  /** For rules that do not give their own. */
  limits?: GivenLimits;
  /** Takes secrets out of what is kept and told of signals; default: what is known as secret. */
  redactor?: Redactor;
  /** How a person's request is captured; `via` comes from the request. */
  requestCapture?: Pick<CaptureSpec, 'timeoutMs' | 'freezeMsMax'>;
}

/**
 * A set of rules, indexed, on a node. Immutable; a changed set is a new core, and carryState takes
 * the state over.
 */
export interface RulesCore extends RuleIndex {
  readonly options: Required<RulesOptions>;
  /** By rule id, with the defaults. */
  readonly limits: ReadonlyMap<string, Limits>;
}

/** Made once: its patterns cost milliseconds to compile. */
const standardRedactor = createRedactor();

export function createRulesCore(all: readonly Rule[], options: RulesOptions): RulesCore {
  const { limits = {} } = options;
  return {
    ...ruleIndexOf(all),
    limits: new Map(all.map((rule) => [rule.id, resolveLimits(rule.limits, limits)])),
    options: {
      mode: 'enforce',
      limits,
      redactor: standardRedactor,
      requestCapture: {
        timeoutMs: captureDefaults.timeoutMs,
        freezeMsMax: captureDefaults.freezeMsMax,
      },
      ...options,
    },
  };
}

/** Whether the rule only says what it would capture. */
export function isObserved({ options }: RulesCore, { mode }: Rule): boolean {
  return options.mode === 'observe' || mode === 'observe';
}

/** Whether the rule reaches the pod; worked out once for each look of the pod. */
export function reachesPod(entry: PodEntry, rule: Rule): boolean {
  const known = entry.cache.selected.get(rule.id);
  if (known !== undefined) return known;
  const selected = selectsPod(rule, entry.fact);
  entry.cache.selected.set(rule.id, selected);
  return selected;
}

/**
 * Of one of the core's lists the rules that reach the pod, in their order; worked out once for each
 * look of the pod.
 */
export function reachingOf<R extends Rule>(
  core: RulesCore,
  entry: PodEntry,
  rules: readonly R[],
): readonly R[] {
  const { reaching } = entry.cache;
  const known = reaching.get(rules);
  // What is remembered for a list is a part of that list.
  if (known) return known as readonly R[];
  const all = reaching.get(core.rules) ?? rulesReaching(core.reachIndex, entry.fact);
  reaching.set(core.rules, all);
  const members = membersOf(rules);
  const found = all.filter((rule): rule is R => members.has(rule));
  reaching.set(rules, found);
  return found;
}

const members = new WeakMap<readonly Rule[], ReadonlySet<Rule>>();

function membersOf(rules: readonly Rule[]): ReadonlySet<Rule> {
  const known = members.get(rules) ?? new Set(rules);
  members.set(rules, known);
  return known;
}

/** The entry of the deny list that holds; worked out once for each look of the pod. */
export function deniedBy(
  core: RulesCore,
  entry: PodEntry,
  container: ContainerFact,
): string | undefined {
  const { denied } = entry.cache;
  if (!denied.has(container.name)) {
    denied.set(container.name, denyReason(entry.fact, core.options.denyList));
  }
  return denied.get(container.name);
}

/** The memory rules that reach the container. */
export function memoryRulesOf(
  core: RulesCore,
  entry: PodEntry,
  container: ContainerFact,
): readonly RuleOf<'memory'>[] {
  const { memoryRules } = entry.cache;
  const known = memoryRules.get(container.name);
  if (known) return known;
  const found = reachingOf(core, entry, core.memory).filter((rule) =>
    selectsContainer(rule.target, container),
  );
  memoryRules.set(container.name, found);
  return found;
}
