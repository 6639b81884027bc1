import type { ContainerFact, PodFact } from '../../signal/index.ts';
import { reachingOf } from '../core.ts';
import type { SignalSummary } from '../decision.ts';
import {
  fire,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import type { RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import { memoOf, type PodEntry, setMemo } from '../state/pod-table.ts';
import { part } from '../trail.ts';

/** Whose change on a pod asks for a capture, where a rule allows it. Its value is any token. */
export const CAPTURE_ANNOTATION = 'stillpoint.dev/capture';

const TOKEN_CHARS_MAX = 128;

/**
 * A pod changed: a new value of the annotation is a request, once. What a pod comes with is none: a
 * template would have each of its pods captured. An agent that was away finds a new value by the
 * one it remembers.
 */
export function stepAnnotation(
  step: Step,
  entry: PodEntry,
  before: PodFact | undefined,
  initial: boolean,
): void {
  const token = tokenOf(entry.fact);
  const tokenBefore = before && tokenOf(before);
  for (const rule of reachingOf(step.core, entry, step.core.annotation)) {
    for (const container of entry.fact.containers) {
      if (!selectsContainer(rule.target, container)) continue;
      const memo = memoOf(entry, container.name, rule.id);
      const known = memo?.kind === 'request' ? memo.token : tokenBefore;
      remember(entry, container, rule, token);
      // Of a first list nothing is known but what is remembered.
      const isFirst = memo?.kind !== 'request' && (initial || before === undefined);
      if (token === undefined || token === known || isFirst) continue;
      judge(step, { rule, entry, container }, token);
    }
  }
}

function judge(
  step: Step,
  one: Parameters<typeof fire>[1] & { rule: RuleOf<'request'> },
  token: string,
): void {
  const shown = step.core.options.redactor.text(token);
  const when = [part('when.request.from', true, `annotation ${CAPTURE_ANNOTATION}=${shown}`)];
  const told = { from: 'annotation', by: '', token };
  if (!passesWhere(step, { ...one, told }, step.signal, when)) return;
  const signal = summarizeRequest(step, one.entry.fact, shown);
  const finding = judgeTarget(step.core, one) ?? judgeLimits(step, one);
  if (finding) suppress(step, one.rule, finding, { target: targetOf(one), when, signal });
  else fire(step, one, { detail: `asked for by annotation: ${shown}`, when, signal });
}

function summarizeRequest(step: Step, pod: PodFact, token: string): SignalSummary {
  const { namespace, name, uid } = pod;
  const text = `requested by the annotation ${CAPTURE_ANNOTATION}: ${token}`;
  return { ...step.summary(), text, data: { namespace, name, uid, token } };
}

function remember(
  entry: PodEntry,
  { name }: ContainerFact,
  rule: RuleOf<'request'>,
  token: string | undefined,
): void {
  if (token === undefined) entry.memos.get(name)?.delete(rule.id);
  else setMemo(entry, name, rule.id, { kind: 'request', token });
}

/** Absent and empty are the same: no request. */
function tokenOf({ annotations }: PodFact): string | undefined {
  if (!Object.hasOwn(annotations, CAPTURE_ANNOTATION)) return undefined;
  return annotations[CAPTURE_ANNOTATION]?.slice(0, TOKEN_CHARS_MAX) || undefined;
}
