import type { ContainerFact } from '../signal/index.ts';
import {
  describeTarget,
  isRunning,
  type ReasonCode,
  type Signal,
  type Target,
} from '../signal/index.ts';
import { deniedBy, isObserved, type RulesCore } from './core.ts';
import type { CaptureSpec, Decision, SignalSummary } from './decision.ts';
import {
  budgetLeft,
  type Limited,
  type LimitFinding,
  limitOf,
  resolveLimits,
  spendLimits,
} from './limits.ts';
import type { Rule } from './rule.ts';
import { ownerOf } from './scope.ts';
import type { PodEntry } from './state/pod-table.ts';
import { advanceTo, countQuiet, type RulesState } from './state/state.ts';
import { summarize } from './summary.ts';
import { boundTrail, part, type Trail, type TrailPart } from './trail.ts';
import type { AnyTold, Where } from './where/index.ts';

export { formatTime } from './format-time.ts';

/** One step under way: what every kind of condition needs, and where decisions go. */
export interface Step {
  core: RulesCore;
  state: RulesState;
  nowMs: number;
  signal: Signal;
  /** The signal, summarised when a decision first needs it. */
  summary(): SignalSummary;
  decisions: Decision[];
}

export function beginStep(core: RulesCore, state: RulesState, signal: Signal, nowMs: number): Step {
  let summary: SignalSummary | undefined;
  return {
    core,
    state,
    nowMs: advanceTo(state, nowMs),
    signal,
    summary() {
      summary ??= summarize(signal, core.options.redactor);
      return summary;
    },
    decisions: [],
  };
}

/** A rule and the container that it is about to be judged for. */
export interface Case {
  rule: Rule;
  entry: PodEntry;
  container: ContainerFact;
  /** What the condition tells `where` of its signal. */
  told?: AnyTold;
}

/** What was found, before it becomes a decision. */
export interface Finding {
  reason: ReasonCode;
  detail: string;
}

/** What `where` of the rule says about a signal and a target that the rule selects. */
export function judgeWhere(step: Step, one: Case, signal: Signal): Finding | undefined {
  const { where } = one.rule;
  if (!where) return undefined;
  const { entry, container, told } = one;
  const { nodeName } = step.core.options;
  const result = where.evaluate({ signal, pod: entry.fact, container, nodeName, told });
  if (result.holds === true) return undefined;
  if (result.holds === false) return { reason: 'where-false', detail: result.absent ?? 'false' };
  return { reason: 'where-error', detail: result.why };
}

/**
 * The same for kinds that look at each signal once: what `where` is false for is counted, as
 * whatever does not match; an expression that cannot be evaluated is told.
 */
export function passesWhere(step: Step, one: Case, signal: Signal, when: Trail): boolean {
  const finding = judgeWhere(step, one, signal);
  if (!finding) return true;
  const { rule } = one;
  if (finding.reason === 'where-false') countQuiet(step.state, rule.id, finding.reason);
  else suppress(step, rule, finding, { target: targetOf(one), when });
  return false;
}

/** Checks that come before any window, for a case whose condition holds: may it be at all? */
export function judgeTarget(
  core: RulesCore,
  { entry, container }: Omit<Case, 'rule'>,
): Finding | undefined {
  const denied = deniedBy(core, entry, container);
  if (denied !== undefined) return { reason: 'denied', detail: denied };
  if (!isRunning(container)) return { reason: 'not-running', detail: describeState(container) };
  return undefined;
}

/** The cooldown of the case that is under way, or its budget that is used up. */
export function judgeLimits(step: Step, one: Case): LimitFinding | undefined {
  return limitOf(step.state, limitedOf(step.core, one), step.nowMs);
}

/** All checks passed: fires, or only says so in mode observe; both count against its limits. */
export function fire(step: Step, one: Case, what: FireDetail): void {
  spendLimits(step.state, limitedOf(step.core, one), step.nowMs);
  const observed = isObserved(step.core, one.rule);
  step.decisions.push({
    verdict: observed ? 'suppress' : 'fire',
    reason: observed ? 'observed' : 'fired',
    detail: what.detail,
    trail: trailOfFiring(step, one, what.when),
    ...common(step, one.rule),
    capture: captureOf(one.rule, what.thawedByMs),
    target: targetOf(one),
    owner: ownerOf(one.entry.fact),
    signal: what.signal ?? step.summary(),
    priority: one.rule.priority,
    deathExpectedAtMs: what.deathExpectedAtMs,
  });
}

export interface FireDetail {
  detail: string;
  /** The parts of the condition, all of which hold. */
  when: Trail;
  /** The signal that is to be cited, when it is not the one of this step. */
  signal?: SignalSummary;
  deathExpectedAtMs?: number;
  /** See CaptureSpec. */
  thawedByMs?: number;
}

function captureOf({ capture }: Rule, thawedByMs: number | undefined): CaptureSpec {
  return thawedByMs === undefined ? capture : { ...capture, thawedByMs };
}

/**
 * A decision that ends here, with its reason. `when` are the parts of the condition, as far as it
 * was looked at; the check that failed after it is added from the finding.
 */
export function suppress(
  step: Step,
  rule: Rule,
  finding: Finding,
  more: { target?: Target; signal?: SignalSummary; when: Trail },
): void {
  step.decisions.push({
    verdict: 'suppress',
    reason: finding.reason,
    detail: finding.detail,
    trail: trailOfFinding(finding, more.when, { target: more.target, where: rule.where }),
    ...common(step, rule),
    target: more.target,
    signal: more.signal ?? step.summary(),
  });
}

/** The checks after the condition, in their order, and the reasons that they give. */
const CHECKS: readonly {
  name: string;
  reasons: readonly ReasonCode[];
  passed?: string;
  /** Told where it failed, and where the rule has such a part. */
  isOptional?: boolean;
}[] = [
  {
    name: 'signal.target',
    reasons: ['target-unknown', 'target-ambiguous', 'elsewhere'],
  },
  { name: 'target', reasons: ['not-selected'] },
  { name: 'where', reasons: ['where-false', 'where-error'], isOptional: true },
  { name: 'deny list', reasons: ['denied'], passed: 'not on it' },
  { name: 'container', reasons: ['not-running'], passed: 'running' },
  { name: 'limits.cooldown', reasons: ['cooldown'], passed: 'none under way' },
  { name: 'limits.budget', reasons: ['budget'], isOptional: true },
  { name: 'mode', reasons: ['observed'] },
];

/** Of whom a trail tells, as far as it is known. */
interface TrailOf {
  target?: Target;
  where?: Where;
}

/**
 * Condition, then the checks up to the one that failed. A finding that is no check (a window, once
 * a life) is a part of the condition: the kind gives it in `when`.
 */
export function trailOfFinding(finding: Finding, when: Trail, of: TrailOf = {}): Trail {
  const failed = CHECKS.findIndex(({ reasons }) => reasons.includes(finding.reason));
  const name = CHECKS[failed]?.name ?? finding.reason;
  const parts = [...when, ...(failed > 0 ? passedChecks(of, failed) : [])];
  const isTold = failed < 0 && when.some(({ holds }) => !holds);
  return boundTrail(isTold ? parts : [...parts, part(name, false, finding.detail)]);
}

function trailOfFiring(step: Step, one: Case, when: Trail): Trail {
  const { mode } = step.core.options;
  const observed = isObserved(step.core, one.rule);
  const saw = mode === 'observe' ? 'observe (configuration of the agent)' : one.rule.mode;
  return boundTrail([
    ...when,
    ...passedChecks({ target: targetOf(one), where: one.rule.where }, CHECKS.length - 1),
    ...budgetParts(step, one),
    part('mode', !observed, saw, 'enforce'),
  ]);
}

function budgetParts({ core, state, nowMs }: Step, one: Case): TrailPart[] {
  const left = budgetLeft(state, limitedOf(core, one), nowMs);
  return left === undefined ? [] : [part('limits.budget', true, left)];
}

/** The first checks, which a target has passed. */
function passedChecks({ target, where }: TrailOf, count: number): TrailPart[] {
  if (!target) return [];
  return CHECKS.slice(1, count).flatMap(({ name, passed, isOptional }) => {
    if (name === 'where' && where) return [part(name, true, 'true', where.text)];
    return isOptional ? [] : [part(name, true, passed ?? describeTarget(target))];
  });
}

/** What every decision of a rule carries. */
export function common(step: Step, rule: Rule) {
  return {
    rule: rule.id,
    atMs: step.nowMs,
    capture: rule.capture,
    retainClass: rule.retainClass,
  };
}

/** The container in its present life; the id is empty while it has none. */
export function targetOf({ entry, container }: Pick<Case, 'entry' | 'container'>): Target {
  const { namespace, name, uid } = entry.fact;
  return {
    namespace,
    pod: name,
    podUid: uid,
    container: container.name,
    containerId: container.containerId ?? '',
  };
}

function describeState({ state }: ContainerFact): string {
  switch (state.kind) {
    case 'waiting':
      return `waiting: ${state.reason}`;
    case 'terminated':
      return `terminated: ${state.end.reason} (exit code ${state.end.exitCode})`;
    case 'running':
      return 'its container id is not known yet';
  }
}

function limitedOf(core: RulesCore, one: Case): Limited {
  const limits = core.limits.get(one.rule.id) ?? resolveLimits(one.rule.limits, {});
  const owner = ownerOf(one.entry.fact);
  return { rule: one.rule.id, limits, target: targetOf(one), owner };
}
