import { type AlertIndex, createAlertIndex } from './alert-index.ts';
import type { RuleOf } from './rule.ts';
import type { SequenceStep } from './when.ts';

/** Sequence rules by what they can meet. */
export interface SequenceIndex {
  byKind: Readonly<Record<SequenceStep['kind'], readonly RuleOf<'sequence'>[]>>;
  /** Reasons of the Events that any of them waits for. */
  eventReasons: ReadonlySet<string>;
  /** Each alert that is a step, as if it were a rule, and the rule that it belongs to. */
  alerts: AlertIndex;
  ofAlert: ReadonlyMap<RuleOf<'alert'>, RuleOf<'sequence'>>;
}

export function indexSequences(rules: readonly RuleOf<'sequence'>[]): SequenceIndex {
  const having = (kind: SequenceStep['kind']) =>
    rules.filter(({ when }) => when.steps.some((one) => one.kind === kind));
  const steps = rules.flatMap(({ when }) => when.steps);
  const ofAlert = new Map<RuleOf<'alert'>, RuleOf<'sequence'>>();
  for (const rule of rules) {
    for (const when of rule.when.steps)
      if (when.kind === 'alert') ofAlert.set({ ...rule, when }, rule);
  }
  return {
    alerts: createAlertIndex([...ofAlert.keys()]),
    ofAlert,
    byKind: {
      event: having('event'),
      alert: having('alert'),
      memory: having('memory'),
      probe: having('probe'),
      crash: having('crash'),
    },
    eventReasons: new Set(steps.flatMap((one) => (one.kind === 'event' ? one.match.reason : []))),
  };
}
