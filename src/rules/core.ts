import type { ContainerFact } from '../signal/index.ts';
import { type AlertIndex, createAlertIndex } from './alert-index.ts';
import type { CaptureSpec } from './decision.ts';
import { type DenyList, denyReason } from './deny.ts';
import { type GivenLimits, type Limits, resolveLimits } from './limits.ts';
import type { PodEntry } from './pod-table.ts';
import { createReachIndex, type ReachIndex, rulesReaching } from './reach-index.ts';
import { createRedactor, type Redactor } from './redact.ts';
import type { Rule, RuleOf } from './rule.ts';
import { captureDefaults } from './schema/index.ts';
import { selectsContainer, selectsPod } from './select.ts';
import { indexSequences, type SequenceIndex } from './sequence-index.ts';
import type { WhenKind } from './when.ts';

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
 * A set of rules, indexed so that a signal meets only those that can match its kind. Immutable;
 * a changed set is a new core, and restoreState carries the state over.
 */
export interface RulesCore {
  /** All that were loaded. */
  readonly rules: readonly Rule[];
  /** Those that are enabled, as in all that follow. */
  readonly byId: ReadonlyMap<string, Rule>;
  /** By rule id: where it stands in `rules`. */
  readonly places: ReadonlyMap<string, number>;
  readonly options: Required<RulesOptions>;
  /** By rule id, with the defaults. */
  readonly limits: ReadonlyMap<string, Limits>;
  readonly memory: readonly RuleOf<'memory'>[];
  /** By the Event's reason. */
  readonly eventByReason: ReadonlyMap<string, readonly RuleOf<'event'>[]>;
  readonly crashLoop: readonly RuleOf<'crashLoop'>[];
  readonly probe: readonly RuleOf<'probe'>[];
  readonly terminating: readonly RuleOf<'terminating'>[];
  readonly alert: readonly RuleOf<'alert'>[];
  readonly alertIndex: AlertIndex;
  readonly reachIndex: ReachIndex;
  readonly sequences: SequenceIndex;
  /** Rules that annotations can ask, and those that say how `stillpoint capture` captures. */
  readonly annotation: readonly RuleOf<'request'>[];
  readonly byHand: readonly RuleOf<'request'>[];
}

/** Made once: its patterns cost milliseconds to compile. */
const standardRedactor = createRedactor();

export function createRulesCore(all: readonly Rule[], options: RulesOptions): RulesCore {
  const rules = all.filter(({ enabled }) => enabled);
  const eventByReason = new Map<string, RuleOf<'event'>[]>();
  for (const rule of rules.filter(isOf('event'))) {
    for (const reason of new Set(rule.when.match.reason)) {
      const same = eventByReason.get(reason) ?? [];
      same.push(rule);
      eventByReason.set(reason, same);
    }
  }
  const { limits = {} } = options;
  const alert = rules.filter(isOf('alert'));
  return {
    rules: all,
    limits: new Map(all.map((rule) => [rule.id, resolveLimits(rule.limits, limits)])),
    byId: new Map(rules.map((rule) => [rule.id, rule])),
    places: new Map(all.map(({ id }, place) => [id, place])),
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
    memory: rules.filter(isOf('memory')),
    eventByReason,
    crashLoop: rules.filter(isOf('crashLoop')),
    probe: rules.filter(isOf('probe')),
    terminating: rules.filter(isOf('terminating')),
    alert,
    alertIndex: createAlertIndex(alert),
    reachIndex: createReachIndex(rules),
    annotation: rules
      .filter(isOf('request'))
      .filter(({ when }) => when.from.includes('annotation')),
    byHand: rules.filter(isOf('request')).filter(({ when }) => when.from.includes('cli')),
    sequences: indexSequences(rules.filter(isOf('sequence'))),
  };
}

/** Whether the rule only says what it would capture. */
export function isObserved({ options }: RulesCore, { mode }: Rule): boolean {
  return options.mode === 'observe' || mode === 'observe';
}

/** Narrows a rule to one kind. */
export function isOf<K extends WhenKind>(kind: K) {
  return (rule: Rule): rule is RuleOf<K> => rule.when.kind === kind;
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
