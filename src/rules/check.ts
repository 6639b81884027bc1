import {
  cronMistake,
  formatDuration,
  globMatches,
  type Mistake,
  mistakeAt,
  nextCronMs,
  type YamlDocument,
} from '../base/index.ts';
import type { GivenRule } from './schema.ts';

/** What the schema cannot see: parts that are right each, but can never work together. */
export interface Findings {
  mistakes: Mistake[];
  /** The rule works, but probably not as meant. */
  warnings: Mistake[];
}

/** The id of the built-in rule behind a person's request; no file may define it. */
export const REQUEST_RULE = 'request';

/** Kubelet's restart back-off: 10 s doubling to 5 min; 1 s is the least a kubelet can be set to. */
const BACK_OFF_MS = { first: 10_000, max: 300_000, least: 1_000 };

/** Checks one rule by itself. `nowMs` is where the search for cron dates begins. */
export function checkRule(document: YamlDocument, given: GivenRule, nowMs: number): Findings {
  const findings: Findings = { mistakes: [], warnings: [] };
  checkNames(document, given, findings);
  checkCrashLoop(document, given, findings);
  checkSchedule(document, given, nowMs, findings);
  return findings;
}

function checkNames(document: YamlDocument, given: GivenRule, findings: Findings): void {
  const { name, namespace } = given.metadata;
  if (name === REQUEST_RULE && namespace === undefined) {
    findings.mistakes.push(
      mistakeAt(document, ['metadata', 'name'], {
        message: 'this name belongs to the built-in rule for requests by people',
      }),
    );
  }
  const { namespaces } = given.spec.target;
  if (namespace === undefined || namespaces.length === 0) return;
  if (namespaces.some((glob) => globMatches(glob, namespace))) return;
  findings.mistakes.push(
    mistakeAt(document, ['spec', 'target', 'namespaces'], {
      message: `can never match: the rule is in namespace ${namespace} and reaches only that`,
    }),
  );
}

function checkCrashLoop(document: YamlDocument, given: GivenRule, findings: Findings): void {
  const { crashLoop } = given.spec.when;
  if (!crashLoop) return;
  const path = ['spec', 'when', 'crashLoop', 'within'];
  const { restarts, within } = crashLoop;
  const leastMs = (restarts - 1) * BACK_OFF_MS.least;
  if (within < leastMs) {
    const message = `can never hold: ${restarts} restarts take at least ${formatDuration(leastMs)}`;
    findings.mistakes.push(mistakeAt(document, path, { message }));
    return;
  }
  let usualMs = 0;
  for (let gap = 0; gap < restarts - 1; gap++) {
    usualMs += Math.min(BACK_OFF_MS.first * 2 ** gap, BACK_OFF_MS.max);
  }
  if (within >= usualMs) return;
  const message =
    `is short: with the kubelet's default back-off ${restarts} restarts ` +
    `take at least ${formatDuration(usualMs)}`;
  findings.warnings.push(mistakeAt(document, path, { message }));
}

function checkSchedule(
  document: YamlDocument,
  given: GivenRule,
  nowMs: number,
  findings: Findings,
): void {
  const { schedule } = given.spec.when;
  if (!schedule || cronMistake(schedule.cron, schedule.timeZone, nowMs) !== undefined) return;
  const first = nextCronMs(schedule.cron, schedule.timeZone, nowMs);
  const gapMs = nextCronMs(schedule.cron, schedule.timeZone, first) - first;
  const { cooldown } = given.spec.limits;
  if (gapMs > cooldown) return;
  const message =
    `fires every ${formatDuration(gapMs)}, but limits.cooldown ${formatDuration(cooldown)} ` +
    'holds back what follows too soon; set a shorter cooldown';
  findings.warnings.push(mistakeAt(document, ['spec', 'when', 'schedule', 'cron'], { message }));
}
