import { runAtOnce, type Steps } from '../base/index.ts';
import { type AlertIndex, createAlertIndex } from './alert-index.ts';
import { type ReachIndex, reachIndexSteps } from './reach-index.ts';
import type { Rule, RuleOf } from './rule.ts';
import { indexSequences, type SequenceIndex } from './sequence-index.ts';
import type { WhenKind } from './when.ts';

/** A set of rules so that a signal meets only those that can match its kind. Immutable. */
export interface RuleIndex {
  /** All that were loaded. */
  readonly rules: readonly Rule[];
  /** Those that are enabled, as in all that follow. */
  readonly byId: ReadonlyMap<string, Rule>;
  /** By rule id: where it stands in `rules`. */
  readonly places: ReadonlyMap<string, number>;
  readonly memory: readonly RuleOf<'memory'>[];
  readonly nodeMemory: readonly RuleOf<'nodeMemory'>[];
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

/** A set never changes, and each change of the agent's mode makes a core of the same one. */
const known = new WeakMap<readonly Rule[], RuleIndex>();

/** The index of the set, made once. */
export function ruleIndexOf(all: readonly Rule[]): RuleIndex {
  return runAtOnce(ruleIndexSteps(all));
}

/** The same in steps, for whoever puts a large set in force beside other work. */
export function* ruleIndexSteps(all: readonly Rule[]): Steps<RuleIndex> {
  const index = known.get(all) ?? (yield* makeSteps(all));
  known.set(all, index);
  return index;
}

function* makeSteps(all: readonly Rule[]): Steps<RuleIndex> {
  const rules = all.filter(({ enabled }) => enabled);
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const places = new Map(all.map(({ id }, place) => [id, place]));
  yield;
  const reachIndex = yield* reachIndexSteps(rules);
  const eventByReason = yield* byReasonSteps(rules.filter(isOf('event')));
  const alert = rules.filter(isOf('alert'));
  const alertIndex = createAlertIndex(alert);
  yield;
  const sequences = indexSequences(rules.filter(isOf('sequence')));
  yield;
  const request = rules.filter(isOf('request'));
  return {
    rules: all,
    byId,
    places,
    memory: rules.filter(isOf('memory')),
    nodeMemory: rules.filter(isOf('nodeMemory')),
    eventByReason,
    crashLoop: rules.filter(isOf('crashLoop')),
    probe: rules.filter(isOf('probe')),
    terminating: rules.filter(isOf('terminating')),
    alert,
    alertIndex,
    reachIndex,
    annotation: request.filter(({ when }) => when.from.includes('annotation')),
    byHand: request.filter(({ when }) => when.from.includes('cli')),
    sequences,
  };
}

function* byReasonSteps(rules: readonly RuleOf<'event'>[]) {
  const byReason = new Map<string, RuleOf<'event'>[]>();
  for (const rule of rules) {
    yield;
    for (const reason of new Set(rule.when.match.reason)) {
      const same = byReason.get(reason) ?? [];
      same.push(rule);
      byReason.set(reason, same);
    }
  }
  return byReason;
}

/** Narrows a rule to one kind. */
export function isOf<K extends WhenKind>(kind: K) {
  return (rule: Rule): rule is RuleOf<K> => rule.when.kind === kind;
}
