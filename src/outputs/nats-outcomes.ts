import { type Clock, createQuietLog, type Logger } from '../base/index.ts';
import { type NatsConnection, subjectToken } from '../nats/index.ts';
import { outcomeText, targetOf } from './outcome-text.ts';
import type { Output, TriggerOutcome } from './output.ts';

/** More causes than these are only counted: the record on the node has them all. */
const CAUSES_MAX = 32;

export interface NatsOutcomesOptions {
  /** Not closed by the output: others use it too. */
  connection: Pick<NatsConnection, 'publish'>;
  node: string;
  clock: Clock;
  log: Logger;
}

/**
 * Publishes each outcome as JSON to `stillpoint.outcomes.<node>` (dots of the node name become
 * `_`). Core NATS: nothing is kept for later; what could not be sent is counted by error code.
 */
export function createNatsOutcomes(options: NatsOutcomesOptions): Output {
  const { connection, node, clock, log } = options;
  const subject = `stillpoint.outcomes.${subjectToken(node)}`;
  const quiet = createQuietLog(log, clock);
  const counts: Record<string, number> = {};
  return {
    name: 'nats-outcomes',
    decided: () => undefined,
    ended(outcome) {
      const document = outcomeDocument(outcome, node, clock.wallMs());
      const data = new TextEncoder().encode(JSON.stringify(document));
      const result = connection.publish(subject, data);
      if (result.kind === 'sent') return;
      const { code } = result.error;
      counts[code] = (counts[code] ?? 0) + 1;
      quiet.warn('outcome-not-published', code, { subject, error: result.error });
    },
    dropped: () => ({ ...counts }),
    stop: async () => undefined,
  };
}

/** What subscribers get. Alert payloads stay in the record on the node: they may hold secrets. */
export function outcomeDocument(
  outcome: TriggerOutcome,
  node: string,
  atMs: number,
): Record<string, unknown> {
  const decisions =
    outcome.kind === 'not-accepted' ? [outcome.decision] : outcome.trigger.decisions;
  return {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'Outcome',
    at: new Date(atMs).toISOString(),
    node,
    result: outcome.kind,
    text: outcomeText(outcome),
    target: targetOf(outcome),
    trigger: outcome.kind === 'not-accepted' ? undefined : outcome.trigger.id,
    causes: decisions.slice(0, CAUSES_MAX).map(({ rule, reason, detail, signal }) => {
      return { rule, reason, detail, signal: signal.kind, text: signal.text };
    }),
    causesInAll: decisions.length,
    ...resultFields(outcome),
  };
}

function resultFields(outcome: TriggerOutcome): Record<string, unknown> {
  switch (outcome.kind) {
    case 'archived': {
      const { archive, bytes, sha256, backend, retainClass, verified, timings } = outcome.record;
      return { archive: { name: archive, bytes, sha256, verified }, backend, retainClass, timings };
    }
    case 'broken':
      return { archive: { name: outcome.archive }, findings: outcome.findings.slice(0, 16) };
    case 'failed': {
      const { backend, failure, message, hint, timings } = outcome;
      return { backend, failure, message, hint, timings };
    }
    default:
      return { reason: outcome.reason, detail: outcome.detail };
  }
}
