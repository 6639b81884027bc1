import { formatBytes, formatDuration, unreachable } from '../base/index.ts';
import { failureClasses } from '../capture/index.ts';
import type { Trigger } from '../dispatch/index.ts';
import type { Decision } from '../rules/index.ts';
import { describeTarget, type ReasonCode, reasons } from '../signal/index.ts';
import type { TriggerOutcome } from './output.ts';

/** More rule names than these are only counted. */
const RULES_NAMED_MAX = 3;

/** One line for people about a decision: `oom-nearing → shop/cart/app: fire, the rule matched …`. */
export function decisionText(decision: Decision): string {
  const target = decision.target ? describeTarget(decision.target) : 'no target';
  return oneLine(
    `${decision.rule} → ${target}: ${decision.verdict}, ${reasonText(decision.reason, decision.detail)}` +
      ` [${decision.signal.text}]`,
  );
}

/** One line for people about how a trigger ended, target first. */
export function outcomeText(outcome: TriggerOutcome): string {
  const target = targetOf(outcome);
  return oneLine(`${target ? describeTarget(target) : 'no target'}: ${outcomeMessage(outcome)}`);
}

/** The same without the target: for a Kubernetes Event, which hangs on its pod. */
export function outcomeMessage(outcome: TriggerOutcome): string {
  switch (outcome.kind) {
    case 'archived':
      return archivedMessage(outcome);
    case 'broken':
      return oneLine(
        `${rulesOf(outcome.trigger)}: ${failureClasses['archive-broken'].meaning}: ` +
          `${outcome.archive}: ${outcome.findings.join('; ')}`,
      );
    case 'failed':
      return oneLine(
        `${rulesOf(outcome.trigger)}: checkpoint through ${outcome.backend} failed ` +
          `(${outcome.failure}): ${failureClasses[outcome.failure].meaning}. ` +
          `To do: ${sentence(outcome.hint)} The other side said: ${outcome.message}`,
      );
    case 'refused':
      return skipped(rulesOf(outcome.trigger), outcome.reason, outcome.detail);
    case 'not-accepted':
      return skipped(`rule ${outcome.decision.rule}`, outcome.reason, outcome.detail);
    default:
      return unreachable(outcome, 'outcomeMessage');
  }
}

/** What a Kubernetes Event says of a decision that only observes. */
export function observedMessage({ rule, reason, detail, signal }: Decision): string {
  return oneLine(
    `rule ${rule}: would have been captured: ${reasonText(reason, detail)}, cause: ${signal.text}`,
  );
}

/** The container that an outcome is about; absent when none could be resolved. */
export function targetOf(outcome: TriggerOutcome): Decision['target'] {
  return outcome.kind === 'not-accepted' ? outcome.decision.target : outcome.trigger.target;
}

/** `the same target was captured … a short time ago (cooldown): until 12:04:10`. */
export function reasonText(reason: ReasonCode, detail: string): string {
  return `${reasons[reason]} (${reason})${detail === '' ? '' : `: ${detail}`}`;
}

/**
 * Text from outside as one harmless line: line ends and other control characters (a terminal would
 * obey them) and characters that turn the direction of writing become spaces.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

function archivedMessage({ trigger, record }: Extract<TriggerOutcome, { kind: 'archived' }>) {
  const { timings } = record;
  // CRIU's window is a part of the stop: the runtime goes on packing while the container stands.
  const frozenMs = timings.frozenMs ?? timings.criuFrozenMs;
  const parts = [
    `${rulesOf(trigger)}: archive ${record.archive} (${formatBytes(record.bytes)}, ${record.verified})`,
    `through ${record.backend} in ${formatDuration(timings.checkpointMs)}`,
    ...(frozenMs === undefined ? [] : [`stood still ${formatDuration(frozenMs)}`]),
    `cause: ${trigger.decisions[0]?.signal.text ?? 'unknown'}`,
  ];
  return oneLine(parts.join(', '));
}

/** Hints of failure classes have no full stop, those of errors have one. */
function sentence(hint: string): string {
  return hint.endsWith('.') ? hint : `${hint}.`;
}

function skipped(rules: string, reason: ReasonCode, detail: string): string {
  return oneLine(`${rules}: fired, but nothing was captured: ${reasonText(reason, detail)}`);
}

/** `rule a`, `rules a, b`, `rules a, b, c and 2 more`; each rule once. */
function rulesOf(trigger: Trigger): string {
  const names = [...new Set(trigger.decisions.map(({ rule }) => rule))];
  const more = names.length - RULES_NAMED_MAX;
  const named = names.slice(0, RULES_NAMED_MAX).join(', ');
  return `${names.length === 1 ? 'rule' : 'rules'} ${named}${more > 0 ? ` and ${more} more` : ''}`;
}
