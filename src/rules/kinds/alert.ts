import type { AlertSignal } from '../../signal/index.ts';
import { rulesForAlert } from '../alert-index.ts';
import { type RulesCore, reachesPod } from '../core.ts';
import {
  fire,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import { resolveHints } from '../resolve.ts';
import type { RuleOf } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import { addQuietOthers } from '../state/quiet.ts';
import { countQuiet } from '../state/state.ts';
import { part, type TrailPart } from '../trail.ts';
import { sequenceOnAlert } from './sequence.ts';

/**
 * An alert from outside. Its target is looked for only when a rule wants it, so that a stream of
 * alerts that nobody wants costs and says nothing.
 */
export function stepAlert(step: Step, signal: AlertSignal): void {
  sequenceOnAlert(step, signal);
  const { alert, alertIndex } = step.core;
  const wanting = rulesForAlert(alertIndex, signal).filter((rule) => matches(rule, signal));
  addQuietOthers(step.state.quiet, alert, wanting, 'no-match');
  if (wanting.length === 0) return;
  const found = resolveHints(step.state.pods, signal.hints, step.core.options.nodeName);
  if ('reason' in found) {
    for (const rule of wanting) {
      // Every node hears every alert: that it is about another one is only counted.
      if (found.reason === 'elsewhere') countQuiet(step.state, rule.id, 'elsewhere');
      else suppress(step, rule, found, { when: matchParts(step, rule, signal) });
    }
    return;
  }
  const { entry, container } = found;
  const selecting = wanting.filter(
    (rule) => reachesPod(entry, rule) && selectsContainer(rule.target, container),
  );
  for (const rule of selecting) judge(step, { rule, ...found }, signal);
  for (const rule of wanting) {
    if (selecting.includes(rule)) continue;
    if (selecting.length > 0) countQuiet(step.state, rule.id, 'not-selected');
    else {
      const target = targetOf(found);
      const detail = 'no rule that wants the alert selects its target';
      const when = matchParts(step, rule, signal);
      suppress(step, rule, { reason: 'not-selected', detail }, { target, when });
    }
  }
}

function judge(
  step: Step,
  one: Parameters<typeof fire>[1] & { rule: RuleOf<'alert'> },
  signal: AlertSignal,
): void {
  const when = matchParts(step, one.rule, signal);
  if (!passesWhere(step, one, signal, when)) return;
  const finding = judgeTarget(step.core, one) ?? judgeLimits(step, one);
  if (finding) suppress(step, one.rule, finding, { target: targetOf(one), when });
  else fire(step, one, { detail: describeMatch(step, one.rule, signal), when });
}

/** Whether any rule wants the alert, whatever it is about. */
export function isWanted({ alertIndex }: RulesCore, signal: AlertSignal): boolean {
  return rulesForAlert(alertIndex, signal).some((rule) => matches(rule, signal));
}

function matches({ when }: RuleOf<'alert'>, { shape, fields }: AlertSignal): boolean {
  if (when.shape !== shape) return false;
  return when.match.every(({ field, matches }) =>
    matches(Object.hasOwn(fields, field) ? fields[field] : undefined),
  );
}

/** The conditions on the fields, each with the value that was there, redacted. */
function matchParts({ core }: Step, { when }: RuleOf<'alert'>, signal: AlertSignal): TrailPart[] {
  const fields = when.match.map((one, index) =>
    part(`when.alert.match[${index}]`, true, showField(core, one.field, signal), one.text),
  );
  return [part('when.alert.shape', true, signal.shape, when.shape), ...fields];
}

function describeMatch({ core }: Step, { when }: RuleOf<'alert'>, signal: AlertSignal): string {
  return when.match
    .map(({ field, text }) => `${text}: ${showField(core, field, signal)}`)
    .join('; ');
}

/** Of a long text so much is redacted, and so much of that is shown. */
const LOOKED_AT_CHARS = 512;
const SHOWN_CHARS = 80;

function showField(core: RulesCore, field: string, { fields }: AlertSignal): string {
  if (!Object.hasOwn(fields, field)) return 'absent';
  const given = fields[field] ?? null;
  // A secret is known by what stands before it, so what comes later may go first.
  const head = typeof given === 'string' ? given.slice(0, LOOKED_AT_CHARS) : given;
  const value = JSON.stringify(core.options.redactor.field(field, head));
  return value.length > SHOWN_CHARS ? `${value.slice(0, SHOWN_CHARS - 1)}…` : value;
}
