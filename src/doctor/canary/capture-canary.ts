import { type ArchiveReport, describeFinding } from '../../archive/index.ts';
import { type Clock, formatBytes, formatDuration } from '../../base/index.ts';
import { type FailureClass, failureClasses } from '../../capture/index.ts';
import { type BackendName, type ReasonCode, reasons } from '../../signal/index.ts';
import { type Answer, answerOf } from '../check.ts';
import { type Finding, fail, type Line, ok } from '../line.ts';
import type { CanaryAgent, CanaryTarget, CaptureEnd } from './canary-agent.ts';

/** What was seen of one canary through one backend. */
export interface CanaryFacts {
  end: Answer<CaptureEnd>;
  /** Undefined when there was no archive. */
  report?: Answer<ArchiveReport>;
  removed?: Answer<void>;
}

/** The agent may see the pod a little later than we do. */
const KNOWN_MS_MAX = 15_000;
const AGAIN_MS = 500;
const NOT_YET: ReadonlySet<ReasonCode> = new Set(['target-unknown', 'not-running']);

/**
 * Captures the pod once through each backend that could be used, proves each archive, and has it
 * removed again. Never rejects for one of our errors.
 */
export async function captureCanary(
  agent: CanaryAgent,
  target: CanaryTarget,
  clock: Clock,
): Promise<Line[]> {
  const backends = await answerOf(agent.backends());
  if (!backends.ok) {
    const next = 'The canary is captured by the agent: start it first.';
    return [{ check: 'canary', ...fail('no-agent', backends.error.message, next) }];
  }
  if (backends.value.length === 0) {
    const next = 'See the checks runtime and kubelet.';
    return [{ check: 'canary', ...fail('no-backend', 'the agent has no backend', next) }];
  }
  const lines: Line[] = [];
  // One after the other: two checkpoints of one container disturb each other.
  for (const backend of backends.value) {
    const findings = judgeCanary(backend, await captureOnce(agent, target, backend, clock));
    lines.push(...findings.map((finding) => ({ check: `canary-${backend}`, ...finding })));
  }
  return lines;
}

async function captureOnce(
  agent: CanaryAgent,
  target: CanaryTarget,
  backend: BackendName,
  clock: Clock,
): Promise<CanaryFacts> {
  const beganMs = clock.monotonicMs();
  let end = await answerOf(agent.capture(target, backend));
  while (isNotYet(end) && clock.monotonicMs() - beganMs < KNOWN_MS_MAX) {
    await clock.sleep(AGAIN_MS);
    end = await answerOf(agent.capture(target, backend));
  }
  if (!end.ok || end.value.kind !== 'done') return { end };
  const { archive } = end.value.record;
  const report = await answerOf(agent.verify(archive));
  return { end, report, removed: await answerOf(agent.remove(archive)) };
}

function isNotYet(end: Answer<CaptureEnd>): boolean {
  return end.ok && end.value.kind === 'refused' && NOT_YET.has(end.value.reason);
}

/** What it proves. Pure. */
export function judgeCanary(backend: BackendName, facts: CanaryFacts): Finding[] {
  const { end, report, removed } = facts;
  if (!end.ok) return [fail(end.error.code, end.error.message, end.error.hint)];
  const { value } = end;
  switch (value.kind) {
    case 'refused': {
      const what = `refused ${value.reason}: ${reasons[value.reason]} (${value.detail})`;
      return [fail(value.reason, what, refusedHint(value.reason))];
    }
    case 'failed':
      return [fail(value.class, describeFailure(value.class, value.message), value.hint)];
    case 'broken': {
      const what = `${value.archive} is not whole: ${value.findings.join('; ')}`;
      return [
        fail('archive-broken', what, 'See the log of the runtime and the space on the disk.'),
      ];
    }
    case 'stopped': {
      const what = 'the agent stopped before the capture had ended';
      return [fail('agent-stopped', what, 'Run it again once the agent runs.')];
    }
    case 'done':
      break;
  }
  const findings: Finding[] = [];
  const doubt = doubtOf(report);
  if (doubt !== undefined) {
    const next = 'Compare by hand: `stillpoint capture`, then `stillpoint archives verify`.';
    findings.push(fail('not-verified', `the archive was not proved: ${doubt}`, next));
  }
  if (removed && !removed.ok) {
    const what = `the archive of the canary was left: ${removed.error.message}`;
    findings.push(fail('not-removed', what, `Remove ${value.record.archive} by hand.`));
  }
  if (findings.length > 0) return findings;
  const { bytes, timings } = value.record;
  const still =
    timings.frozenMs === undefined ? '' : `, stood still ${formatDuration(timings.frozenMs)}`;
  const took = formatDuration(timings.checkpointMs);
  const what = `captured through ${backend} in ${took}${still}; ${formatBytes(bytes)}, proved, removed`;
  return [ok(what, 'captured')];
}

const WORDS_MAX = 300;

/** The meaning first: the runtime's own words are long, and the cause stands last in them. */
function describeFailure(failure: string, words: string): string {
  const known = Object.hasOwn(failureClasses, failure) ? (failure as FailureClass) : 'unknown';
  const cut = words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}…` : words;
  return `${failureClasses[known].meaning}: ${cut}`;
}

function doubtOf(report: Answer<ArchiveReport> | undefined): string | undefined {
  if (!report) return 'it was not looked at';
  if (!report.ok) return report.error.message;
  const { verification, record } = report.value;
  if (verification.kind === 'broken') return verification.findings.map(describeFinding).join('; ');
  if (verification.kind === 'unverified') return verification.detail;
  return record.kind === 'matches' ? undefined : `its record: ${record.kind}`;
}

function refusedHint(reason: ReasonCode): string {
  switch (reason) {
    case 'budget':
      return 'All captures of this hour are used: wait, or raise limits.capturesPerHour.';
    case 'paused':
      return 'Run `stillpoint resume` first.';
    case 'denied':
      return 'Put the canary into a namespace that is not on the deny list (--namespace).';
    case 'expired':
    case 'not-running':
      return 'The image of the canary ends by itself: name one whose command keeps running.';
    default:
      return 'The reason says what stood in the way; see `stillpoint status`.';
  }
}
