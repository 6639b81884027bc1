import { type Clock, createQuietLog, type LogFields, type Logger } from '../base/index.ts';
import type { Decision } from '../rules/index.ts';
import type { ReasonCode } from '../signal/index.ts';
import { decisionText, outcomeText, targetOf } from './outcome-text.ts';
import type { Output, TriggerOutcome } from './output.ts';

/**
 * Reasons that say no more than "this signal was not meant": only the metrics count them. Of what a
 * rule does not select a decision is made only for an alert that it wants, and that is worth a line:
 * somebody waits for a capture that will not come.
 */
const ORDINARY: ReadonlySet<ReasonCode> = new Set([
  'no-match',
  'window-open',
  'once-a-life',
  'elsewhere',
]);

/**
 * The log: one line for each decision that matters and for each outcome of a trigger. What can
 * happen as often as somebody sends an alert says so once a minute: a rule that is held back by the
 * same limit, one that only observes, one that fires and is not accepted. At level debug the trail
 * of every decision is a line of its own.
 */
export function createFactLog(log: Logger, clock: Clock): Output {
  const quiet = createQuietLog(log, clock);
  const trails = createQuietLog(log, clock);
  return {
    name: 'log',
    decided(decision) {
      const { rule, verdict, reason, target, trail } = decision;
      const kind = `${rule} ${reason} ${target?.containerId ?? ''}`;
      trails.debug('trail', kind, { rule, reason, target, trail });
      if (verdict !== 'suppress') {
        log.info('decision', decisionFields(decision));
      } else if (!ORDINARY.has(reason)) {
        quiet.info('decision', kind, decisionFields(decision));
      }
    },
    ended(outcome) {
      if (outcome.kind === 'not-accepted') {
        const { decision, reason } = outcome;
        const kind = `${decision.rule} ${reason} ${decision.target?.containerId ?? ''}`;
        quiet.warn('outcome', kind, outcomeFields(outcome));
        return;
      }
      const isGood = outcome.kind === 'archived';
      log[isGood ? 'info' : 'warn']('outcome', outcomeFields(outcome));
    },
    dropped: () => ({}),
    stop: async () => undefined,
  };
}

function decisionFields(decision: Decision): LogFields {
  const { rule, verdict, reason, detail, target, signal } = decision;
  return {
    text: decisionText(decision),
    rule,
    verdict,
    reason,
    detail,
    target,
    signal: signal.kind,
  };
}

function outcomeFields(outcome: TriggerOutcome): LogFields {
  const { kind } = outcome;
  const shared = { text: outcomeText(outcome), result: kind, target: targetOf(outcome) };
  if (kind === 'not-accepted') {
    return { ...shared, rule: outcome.decision.rule, reason: outcome.reason };
  }
  const rules = [...new Set(outcome.trigger.decisions.map(({ rule }) => rule))];
  const known = { ...shared, rules, trigger: outcome.trigger.id };
  switch (kind) {
    case 'archived': {
      const { archive, bytes, sha256, backend, timings } = outcome.record;
      return { ...known, archive, bytes, sha256, backend, timings };
    }
    case 'broken':
      return { ...known, archive: outcome.archive, findings: outcome.findings };
    case 'refused':
      return { ...known, reason: outcome.reason };
    case 'failed': {
      const { backend, failure, hint, timings } = outcome;
      return { ...known, backend, failure, hint, timings };
    }
  }
}
