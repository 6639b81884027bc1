import { nearest, StillpointError } from '../../base/index.ts';
import { type ContainerFact, isRunning, type ReasonCode, reasons } from '../../signal/index.ts';
import { deniedBy, isObserved, type RulesCore } from '../core.ts';
import { quietCounts } from '../derive.ts';
import { formatTime } from '../format-time.ts';
import { judgeTarget, targetOf } from '../judge.ts';
import { budgetLeft, limitOf, resolveLimits } from '../limits.ts';
import type { Rule } from '../rule.ts';
import { ownerOf } from '../scope.ts';
import { type PodEntry, podOfName } from '../state/pod-table.ts';
import type { RulesState } from '../state/state.ts';
import { part, type Trail } from '../trail.ts';
import { missPart } from './miss.ts';
import { waitsOf } from './waits.ts';
import type { PastDecision, Witness } from './witness.ts';

/** Answers that are no reason of a decision: nothing was decided. */
const otherAnswers = {
  disabled: 'the rule says enabled: false',
  'no-source': 'nobody brings signals of its kind on this node',
  'no-signal': 'no signal of its kind about this container was seen since the agent started',
} as const;

/** Why a rule did or did not fire. */
export type Answer = ReasonCode | keyof typeof otherAnswers;

/** The sentence of an answer. */
export function answerText(answer: Answer): string {
  return answer in otherAnswers
    ? otherAnswers[answer as keyof typeof otherAnswers]
    : reasons[answer as ReasonCode];
}

/** One rule and one container. */
export interface RuleExplanation {
  rule: string;
  kind: string;
  mode: 'enforce' | 'observe';
  answer: Answer;
  /** The values behind the answer. */
  detail: string;
  /** What was looked at, with the values. */
  trail: Trail;
  /** The last decision of the rule for the container since the agent started. */
  last?: PastDecision;
}

export interface ContainerExplanation {
  namespace: string;
  pod: string;
  container: string;
  containerId: string;
  state: string;
  rules: readonly RuleExplanation[];
}

export interface ExplainQuery {
  namespace: string;
  pod: string;
  /** Left out: all of the pod. */
  container?: string;
  /** Left out: every rule. */
  rule?: string;
}

/** What an explanation is made from. */
export interface Explained {
  core: RulesCore;
  state: RulesState;
  witness: Witness;
  nowMs: number;
  /** By rule id: why nobody brings its signals here. */
  noSource?: ReadonlyMap<string, string>;
}

/** Asks nothing and changes nothing. Errors: `not-found` for a pod, container or rule. */
export function explain(from: Explained, query: ExplainQuery): ContainerExplanation[] {
  const { namespace, pod, container, rule } = query;
  const entry = podOfName(from.state.pods, namespace, pod);
  if (!entry) throw unknownPod(from.state, `${namespace}/${pod}`);
  const { containers } = entry.fact;
  const meant = containers.filter(({ name }) => container === undefined || name === container);
  if (meant.length === 0) {
    const allowed = containers.map(({ name }) => name).join(', ');
    throw notFound(`pod ${namespace}/${pod} has no container ${container}; it has ${allowed}`);
  }
  const rules = from.core.rules.filter(({ id }) => rule === undefined || id === rule);
  if (rules.length === 0 && rule !== undefined) {
    const near = nearest(
      rule,
      from.core.rules.map(({ id }) => id),
    );
    throw notFound(`no rule ${rule}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  return meant.map((one) => ({
    namespace,
    pod,
    container: one.name,
    containerId: one.containerId ?? '',
    state: stateText(one),
    rules: rules.map((each) => explainRule(from, each, entry, one)),
  }));
}

type Found = Pick<RuleExplanation, 'answer' | 'detail' | 'trail'>;

function explainRule(
  from: Explained,
  rule: Rule,
  entry: PodEntry,
  container: ContainerFact,
): RuleExplanation {
  const last = from.witness.lastOf(rule.id, entry.fact.uid, container.name);
  const one = { rule, entry, container };
  const found = never(from, one) ?? now(from, one, last);
  return {
    rule: rule.id,
    kind: rule.when.kind,
    mode: isObserved(from.core, rule) ? 'observe' : 'enforce',
    ...found,
    ...(last ? { last } : {}),
  };
}

type Case = { rule: Rule; entry: PodEntry; container: ContainerFact };

/** What keeps the rule from this container whatever signal comes. */
function never(from: Explained, { rule, entry, container }: Case): Found | undefined {
  if (!rule.enabled) return answer('disabled', '', [part('enabled', false, 'false')]);
  const miss = missPart(rule, entry.fact, container);
  if (miss) {
    const wants = miss.wants === undefined ? '' : `, wants ${miss.wants}`;
    return answer('not-selected', `${miss.part}: ${miss.saw}${wants}`, [miss]);
  }
  const denied = deniedBy(from.core, entry, container);
  if (denied !== undefined) return answer('denied', denied, [part('deny list', false, denied)]);
  const where = whereNow(from, { rule, entry, container });
  if (where) return where;
  const source = from.noSource?.get(rule.id);
  if (source !== undefined) return answer('no-source', source, [part('source', false, source)]);
  return undefined;
}

/** An expression that does not look at the signal says the same whatever comes. */
function whereNow(from: Explained, { rule, entry, container }: Case): Found | undefined {
  const { where } = rule;
  if (!where || where.usesSignal) return undefined;
  const { nodeName } = from.core.options;
  const signal = { kind: 'wake', occurredMs: from.nowMs, seenMs: from.nowMs } as const;
  const result = where.evaluate({ signal, pod: entry.fact, container, nodeName });
  if (result.holds === true) return undefined;
  const isError = result.holds === 'error';
  const detail = isError ? result.why : (result.absent ?? 'false');
  const trail = [part('where', false, detail, where.text)];
  return answer(isError ? 'where-error' : 'where-false', detail, trail);
}

/** Where the rule stands with the container it can fire for. */
function now(from: Explained, one: Case, last: PastDecision | undefined): Found {
  const { rule, entry, container } = one;
  const waits = waitsOf(from, one);
  if (waits?.isStanding) return waits;
  const limit = limitNow(from, one);
  if (limit) {
    // The firing that began the limit says more than the limit itself.
    const isFiring = last?.verdict === 'fire' || last?.reason === 'observed';
    if (last && isFiring) {
      const detail = `${firedText(last)}; now ${limit.answer}: ${limit.detail}`;
      return answer(last.reason, detail, [...last.trail, ...limit.trail]);
    }
    return limit;
  }
  const stopped = isRunning(container) ? undefined : judgeTarget(from.core, { entry, container });
  if (stopped) {
    return answer(stopped.reason, stopped.detail, [part('container', false, stopped.detail)]);
  }
  if (waits && waits.answer !== 'no-signal') return waits;
  if (last) return answer(last.reason, `${firedText(last)}`, last.trail);
  const lost = from.witness.lastWithoutTarget(rule.id);
  if (lost) return answer(lost.reason, firedText(lost), lost.trail);
  const { detail, trail } = waits ?? { detail: '', trail: [] };
  const texts = [detail, passedOver(from, rule)].filter((text) => text !== '');
  return answer('no-signal', texts.join('; '), trail);
}

/** What is not about one container can only be told of the rule as a whole. */
function passedOver({ state }: Explained, { id, where }: Rule): string {
  const counts = quietCounts(state)
    .filter(({ rule }) => rule === id)
    .map(({ reason, count }) => `${count} ${reason}`);
  return [
    ...(counts.length > 0
      ? [`passed over by the rule, of all containers: ${counts.join(', ')}`]
      : []),
    ...(where?.usesSignal ? [`where is asked when one comes: ${where.text}`] : []),
  ].join('; ');
}

function limitNow({ core, state, nowMs }: Explained, { rule, entry, container }: Case) {
  const limits = core.limits.get(rule.id) ?? resolveLimits(rule.limits, {});
  const target = targetOf({ entry, container });
  const limited = { rule: rule.id, limits, target, owner: ownerOf(entry.fact) };
  const found = limitOf(state, limited, nowMs);
  if (!found) return undefined;
  const left = budgetLeft(state, limited, nowMs);
  const budget = left === undefined ? [] : [part('limits.budget', found.reason !== 'budget', left)];
  const cooldown = part('limits.cooldown', found.reason !== 'cooldown', found.detail);
  return answer(found.reason, found.detail, [cooldown, ...budget]);
}

function firedText({ atMs, detail, signal }: PastDecision): string {
  return `at ${formatTime(atMs)}: ${detail} [${signal}]`;
}

function answer(code: Answer, detail: string, trail: Trail): Found {
  return { answer: code, detail, trail };
}

function stateText({ state, restartCount }: ContainerFact): string {
  const times = `restarted ${restartCount} ${restartCount === 1 ? 'time' : 'times'}`;
  switch (state.kind) {
    case 'running':
      return `running since ${formatTime(state.startedAtMs)}, ${times}`;
    case 'waiting':
      return `waiting: ${state.reason}, ${times}`;
    case 'terminated':
      return `terminated: ${state.end.reason} (exit code ${state.end.exitCode}), ${times}`;
  }
}

function unknownPod(state: RulesState, path: string): StillpointError {
  const near = nearest(path, [...state.pods.uidOfName.keys()]);
  return notFound(
    `no pod ${path} on this node${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

function notFound(message: string): StillpointError {
  const hint = '`kubectl get pods -A -o wide` tells on which node a pod is.';
  return new StillpointError({ code: 'not-found', message, hint });
}
