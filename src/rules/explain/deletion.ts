import {
  causeOf,
  deletionText,
  graceOf,
  isOfCause,
  judgeGrace,
  toldOf,
} from '../kinds/terminating.ts';
import type { RuleOf } from '../rule.ts';
import { part } from '../trail.ts';
import type { Explained } from './explain.ts';
import { type Case, type Waits, waits } from './say.ts';
import { sinceText } from './since.ts';
import { whereWaits } from './where-waits.ts';

/** No deletion, one of another cause, or one whose first sight is over. */
export function deletionWaits(
  from: Explained,
  one: Case,
  rule: RuleOf<'terminating'>,
): Waits | undefined {
  const { fact } = one.entry;
  const wants = rule.when.causes.join(', ');
  const { deletingAtMs } = fact;
  if (deletingAtMs === undefined) {
    const detail = `no deletion of the pod is under way; waits for one by ${wants}`;
    return waits('no-signal', detail, [part('when.terminating', false, 'no deletion', wants)]);
  }
  const saw = deletionText(fact);
  if (!isOfCause(rule, fact)) {
    const detail = `the pod is being deleted, but by ${causeOf(fact) ?? saw}; wants ${wants}`;
    return waits('no-match', detail, [part('when.terminating.causes', false, saw, wants)]);
  }
  if (from.witness.lastOf(rule.id, fact.uid, one.container.name)) return undefined;
  const grace = graceOf(rule, fact, deletingAtMs - from.nowMs);
  const where = whereWaits(from, { ...one, told: toldOf(fact, grace.leftMs) });
  if (where) return where;
  const late = judgeGrace(grace);
  const trail = [
    part('when.terminating.causes', true, saw, wants),
    part('when.terminating.reserve', !late, grace.text),
  ];
  if (late) return waits(late.reason, late.detail, trail);
  const detail =
    `${causeOf(fact)}, ${grace.text}; a deletion is judged once, when it is first seen, ` +
    `and that was not for this container${sinceText(from)}`;
  return waits('no-signal', detail, trail);
}
