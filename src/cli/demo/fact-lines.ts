import type { Fact } from '../../agent/index.ts';
import type { ArchiveRecord } from '../../archive/index.ts';
import { formatBytes, formatDuration } from '../../base/index.ts';
import { removeReasons } from '../../retention/index.ts';
import type { Decision } from '../../rules/index.ts';
import { describeTarget, reasons } from '../../signal/index.ts';

/** One line of the console: what kind of thing happened, and what. */
export interface FactLine {
  label: 'seen' | 'decided' | 'capture' | 'captured' | 'kept' | 'removed' | 'refused' | 'failed';
  text: string;
}

/** What a fact looks like on the console; nothing for facts that tell the watcher nothing new. */
export function linesOf(fact: Fact): FactLine[] {
  switch (fact.kind) {
    case 'decision':
      return decisionLines(fact.decision);
    case 'coalesced':
      return [{ label: 'decided', text: 'joins the capture that is under way' }];
    case 'capturing':
      return [{ label: 'capture', text: `${describeTarget(fact.trigger.target)} …` }];
    case 'capture-ended':
      return fact.outcome.kind === 'captured' ? [capturedLine(fact.outcome)] : [];
    case 'ended':
      return endLines(fact.outcome);
    case 'swept':
      return sweptLines(fact.report);
    default:
      return [];
  }
}

function decisionLines(decision: Decision): FactLine[] {
  const { rule, verdict, reason, detail, signal, target } = decision;
  // A tick that finds nobody is told by `status`, but it is no story.
  if (signal.kind === 'tick' && reason === 'not-selected') return [];
  const where = target ? `${describeTarget(target)}: ` : '';
  const verb = { fire: 'fires', arm: 'arms', suppress: 'does not fire' }[verdict];
  const why = verdict === 'fire' ? detail : `${reasons[reason]} (${detail})`;
  return [
    { label: 'seen', text: `${where}${signal.text}` },
    { label: 'decided', text: `rule ${rule} ${verb}: ${why}` },
  ];
}

function capturedLine(outcome: Extract<Fact, { kind: 'capture-ended' }>['outcome']): FactLine {
  if (outcome.kind !== 'captured') return { label: 'failed', text: '' };
  const { backend, timings } = outcome;
  const still = timings.frozenMs;
  const stood = still === undefined ? '' : `, the container stood still ${formatDuration(still)}`;
  const took = formatDuration(timings.checkpointMs);
  return { label: 'captured', text: `through ${backend} in ${took}${stood}` };
}

function endLines(outcome: Extract<Fact, { kind: 'ended' }>['outcome']): FactLine[] {
  switch (outcome.kind) {
    case 'archived':
      return [{ label: 'kept', text: keptText(outcome.record) }];
    case 'broken':
      return [{ label: 'failed', text: `${outcome.archive}: ${outcome.findings.join('; ')}` }];
    case 'failed':
      return [{ label: 'failed', text: `${outcome.failure}: ${outcome.message}` }];
    case 'refused':
    case 'not-accepted':
      return [{ label: 'refused', text: `${reasons[outcome.reason]} (${outcome.detail})` }];
  }
}

function keptText({ archive, bytes, verified, sha256, retainClass }: ArchiveRecord): string {
  const proof = `${verified}, sha256 ${sha256.slice(0, 12)}…`;
  return `${archive} (${formatBytes(bytes)}, ${proof}, class ${retainClass})`;
}

function sweptLines({ plan, results }: Extract<Fact, { kind: 'swept' }>['report']): FactLine[] {
  return results.flatMap((result): FactLine[] => {
    if (result.kind !== 'removed') return [];
    const planned = plan.remove.find(({ name }) => name === result.name);
    const why = planned?.reasons.map(({ code, detail }) => `${removeReasons[code]} (${detail})`);
    const text = `${result.name}: policy ${result.policy}: ${why?.join('; ') ?? ''}`;
    return [{ label: 'removed', text }];
  });
}
