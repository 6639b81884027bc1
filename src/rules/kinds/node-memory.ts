import { formatBytes, formatDuration, formatPercent } from '../../base/index.ts';
import {
  amountBytes,
  describeTarget,
  isRunning,
  type MemoryAmount,
  type NodeMemorySignal,
  type ReasonCode,
} from '../../signal/index.ts';
import type { SignalSummary } from '../decision.ts';
import { type Evictable, rankForEviction } from '../eviction-rank.ts';
import {
  type Case,
  type Finding,
  fire,
  formatTime,
  judgeLimits,
  judgeWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { RuleOf } from '../rule.ts';
import type { NodeMemoryMemo } from '../state/node-memory-memo.ts';
import { countQuiet, type RulesState } from '../state/state.ts';
import { part, type TrailPart } from '../trail.ts';
import type { Told } from '../where/index.ts';

/** The same is said again of the same container after this long. */
const SAID_MS_MAX = 600_000;
/** Of the ranking so many are told. */
const RANKED_TOLD_MAX = 10;

/**
 * Memory of the node at one moment. While less is available than the rule waits for, it is about
 * the container that the kubelet would evict first, and about no other: as long as the container it
 * fired for runs, it does not fire again. When that has ended and memory is still low, the next one
 * is first: one capture for each eviction. Samples come while memory is low, so nothing has a timer.
 */
export function stepNodeMemory(step: Step, signal: NodeMemorySignal): void {
  for (const rule of step.core.nodeMemory) {
    const memo = step.state.nodeMemory.get(rule.id);
    if (isLow(rule, signal)) {
      const held = memo ?? {};
      step.state.nodeMemory.set(rule.id, held);
      held.belowSinceMs ??= step.nowMs;
      judge(step, rule, held, signal);
      continue;
    }
    countQuiet(step.state, rule.id, 'no-match');
    if (!memo) continue;
    memo.belowSinceMs = undefined;
    if (isRearming(rule, signal)) memo.fired = undefined;
  }
}

/** Whether less is available than the rule waits for. */
export function isLow({ when }: RuleOf<'nodeMemory'>, signal: NodeMemorySignal): boolean {
  return signal.availableBytes < amountBytes(when.availableBelow, signal.capacityBytes);
}

function isRearming({ when }: RuleOf<'nodeMemory'>, signal: NodeMemorySignal): boolean {
  return signal.availableBytes >= amountBytes(when.availableAbove, signal.capacityBytes);
}

/** `10 % (800 MiB)`, or the size alone. */
export function amountText(amount: MemoryAmount, capacityBytes: number): string {
  const size = formatBytes(amountBytes(amount, capacityBytes));
  return 'bytes' in amount ? size : `${formatPercent(amount.share)} (${size})`;
}

/** The rule's line, and what the node has. */
export function availablePart(
  rule: RuleOf<'nodeMemory'>,
  { availableBytes, capacityBytes }: NodeMemorySignal,
  isBelow: boolean,
): TrailPart {
  const saw = `${formatBytes(availableBytes)} of ${formatBytes(capacityBytes)}`;
  const wants = `< ${amountText(rule.when.availableBelow, capacityBytes)}`;
  return part('when.memory.availableBelow', isBelow, saw, wants);
}

/** `600 MiB used, 500 MiB above its request, priority 0`. */
export function useText({ usedBytes, requestBytes, priority }: Evictable): string {
  const excess = usedBytes - requestBytes;
  const side = excess > 0 ? 'above' : 'below';
  const request =
    requestBytes === 0 ? 'no request' : `${formatBytes(Math.abs(excess))} ${side} its request`;
  return `${formatBytes(usedBytes)} used, ${request}, priority ${priority}`;
}

/** What `where` sees of it. */
export function toldOf(
  { availableBytes, capacityBytes }: NodeMemorySignal,
  { usedBytes, requestBytes, priority }: Evictable,
): Told['nodeMemory'] {
  return {
    availableBytes,
    capacityBytes,
    podUsedBytes: usedBytes,
    podRequestBytes: requestBytes,
    podPriority: priority,
  };
}

/** The container that the rule fired for, while it still runs. */
export function standingVictim(state: RulesState, { fired }: NodeMemoryMemo): string | undefined {
  if (!fired) return undefined;
  const entry = state.pods.byUid.get(fired.podUid);
  const container = entry?.fact.containers.find(({ name }) => name === fired.container);
  if (!entry || !container || !isRunning(container)) return undefined;
  if (container.containerId !== fired.containerId) return undefined;
  return describeTarget(targetOf({ entry, container }));
}

type Rule = RuleOf<'nodeMemory'>;
type First = Case & { rank: Evictable };

function judge(step: Step, rule: Rule, memo: NodeMemoryMemo, signal: NodeMemorySignal): void {
  const ranked = rankForEviction(step.core, step.state, rule, signal.pods);
  const first = firstMeant(step, rule, ranked, signal);
  const when = [availablePart(rule, signal, true)];
  const summary = summarize(step, ranked);
  if (!first) {
    const detail = 'no running container that is selected could be evicted';
    tell(step, rule, memo, { finding: { reason: 'not-selected', detail }, when, signal: summary });
    return;
  }
  const saw = `${useText(first.rank)}; first of ${ranked.length}`;
  when.push(part('eviction rank', true, saw));
  const finding = first.finding ?? judgeEpisode(step, first.one, memo, when);
  if (finding) {
    tell(step, rule, memo, { finding, when, signal: summary, one: first.one });
    return;
  }
  const { podUid, container, containerId } = targetOf(first.one);
  memo.fired = { podUid, container, containerId, atMs: step.nowMs };
  memo.said = { reason: 'fired', containerId, atMs: step.nowMs };
  const available = `${formatBytes(signal.availableBytes)} available on the node`;
  const below = amountText(rule.when.availableBelow, signal.capacityBytes);
  fire(step, first.one, { detail: `${available} < ${below}; ${saw}`, when, signal: summary });
}

/** Down the ranking to the first that `where` is true of, or that it cannot be evaluated for. */
function firstMeant(
  step: Step,
  rule: Rule,
  ranked: readonly Evictable[],
  signal: NodeMemorySignal,
): { one: First; rank: Evictable; finding?: Finding } | undefined {
  for (const rank of ranked) {
    const { entry, container } = rank;
    const one = { rule, entry, container, rank, told: toldOf(signal, rank) };
    const finding = judgeWhere(step, one, signal);
    if (finding?.reason !== 'where-false') return { one, rank, ...(finding && { finding }) };
    countQuiet(step.state, rule.id, finding.reason);
  }
  return undefined;
}

/** Window, who was fired for, limits: in that order. Adds the parts that it looked at. */
function judgeEpisode(
  step: Step,
  one: First,
  memo: NodeMemoryMemo,
  when: TrailPart[],
): Finding | undefined {
  const { forMs } = (one.rule as Rule).when;
  const heldMs = step.nowMs - (memo.belowSinceMs ?? step.nowMs);
  if (forMs > 0) {
    const saw = formatDuration(heldMs);
    when.push(part('when.memory.for', heldMs >= forMs, saw, formatDuration(forMs)));
  }
  if (heldMs < forMs) {
    const detail = `below for ${formatDuration(heldMs)} of ${formatDuration(forMs)}`;
    return { reason: 'window-open', detail };
  }
  const victim = standingVictim(step.state, memo);
  if (victim !== undefined && memo.fired) {
    const fired = `fired at ${formatTime(memo.fired.atMs)} for ${victim}, which still runs`;
    when.push(part('when.memory.availableAbove', false, fired));
    return { reason: 'not-rearmed', detail: fired };
  }
  memo.fired = undefined;
  return judgeLimits(step, one);
}

interface Telling {
  finding: Finding;
  when: TrailPart[];
  signal: SignalSummary;
  one?: Case;
}

/** A sample comes many times a second: what was said of the container is not said again. */
function tell(
  step: Step,
  rule: Rule,
  memo: NodeMemoryMemo,
  { finding, when, signal, one }: Telling,
): void {
  const { reason } = finding;
  const containerId = one?.container.containerId ?? '';
  if (isSaid(memo, reason, containerId, step.nowMs)) return;
  memo.said = { reason, containerId, atMs: step.nowMs };
  suppress(step, rule, finding, { when, signal, ...(one && { target: targetOf(one) }) });
}

function isSaid(
  { said }: NodeMemoryMemo,
  reason: ReasonCode,
  containerId: string,
  nowMs: number,
): boolean {
  if (!said || nowMs - said.atMs >= SAID_MS_MAX) return false;
  // While the container that it fired for runs there is nothing new to say.
  if (reason === 'not-rearmed' && said.reason === 'fired') return true;
  return said.reason === reason && said.containerId === containerId;
}

/** With the head of the ranking: it says why it was this container. */
function summarize(step: Step, ranked: readonly Evictable[]): SignalSummary {
  const { data, ...summary } = step.summary();
  const ranking = ranked.slice(0, RANKED_TOLD_MAX).map((one) => {
    const { entry, container, usedBytes, requestBytes, priority } = one;
    const target = describeTarget(targetOf({ entry, container }));
    return { target, usedBytes, requestBytes, priority };
  });
  return { ...summary, data: { ...data, ranked: ranked.length, ranking } };
}
