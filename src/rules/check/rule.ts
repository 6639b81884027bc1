import {
  cronMistake,
  formatDuration,
  globMatches,
  type Mistake,
  mistakeAt,
  nextCronMs,
  type YamlDocument,
} from '../../base/index.ts';
import { deniedNamespaces } from '../deny.ts';
import { STANDARD_COOLDOWN } from '../limits.ts';
import { REQUEST_RULE } from '../rule.ts';
import type { GivenRule } from '../schema/index.ts';
import { alertWarnings } from './alert.ts';
import { checkCapture } from './capture.ts';
import { checkContainerTypes } from './container-types.ts';
import { eventMistakes, eventWarnings } from './event.ts';
import { checkLabels } from './labels.ts';
import { checkLimits } from './limits.ts';
import { checkMatch, writtenTests } from './match.ts';
import { checkTarget } from './target.ts';

/** What the schema cannot see: parts that are right each, but can never work together. */
export interface Findings {
  mistakes: Mistake[];
  /** The rule works, but probably not as meant. */
  warnings: Mistake[];
}

/** Kubelet's restart back-off: 10 s doubling to 5 min; 1 s is the least a kubelet can be set to. */
const BACK_OFF_MS = { first: 10_000, max: 300_000, least: 1_000 };

/** Checks one rule by itself. `nowMs` is where the search for cron dates begins. */
export function checkRule(document: YamlDocument, given: GivenRule, nowMs: number): Findings {
  const findings: Findings = { mistakes: [], warnings: [] };
  checkNames(document, given, findings);
  checkDenied(document, given, findings);
  const target = checkTarget(document, given);
  findings.mistakes.push(...target.mistakes, ...checkLabels(document, given));
  findings.mistakes.push(...checkCapture(document, given));
  findings.mistakes.push(...checkContainerTypes(document, given));
  findings.warnings.push(...target.warnings, ...checkLimits(document, given));
  checkConditions(document, given, findings);
  findings.warnings.push(...endsInCrash(document, given));
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

/** Namespaces that are never captured from: no mistake beside others, but nothing by themselves. */
function checkDenied(document: YamlDocument, given: GivenRule, findings: Findings): void {
  const isDenied = (name: string) => deniedNamespaces.some((glob) => globMatches(glob, name));
  const message = 'is never captured from, whatever a rule says';
  const { namespace } = given.metadata;
  if (namespace !== undefined && isDenied(namespace)) {
    findings.mistakes.push(mistakeAt(document, ['metadata', 'namespace'], { message }));
  }
  const { namespaces } = given.spec.target;
  const path = ['spec', 'target', 'namespaces'];
  const denied = [...namespaces.keys()].filter((index) => isDenied(namespaces[index] ?? ''));
  const isAll = denied.length === namespaces.length;
  for (const index of denied) {
    const found = mistakeAt(document, [...path, index], { message });
    (isAll ? findings.mistakes : findings.warnings).push(found);
  }
}

function checkConditions(document: YamlDocument, given: GivenRule, findings: Findings): void {
  const path = ['spec', 'when'];
  const steps = given.spec.when.sequence?.steps ?? [];
  const places = steps.map((step, index) => ({ step, at: [...path, 'sequence', 'steps', index] }));
  for (const { step, at } of [{ step: given.spec.when, at: path }, ...places]) {
    const { alert, event } = step;
    const tests = writtenTests(alert?.match ?? [], [...at, 'alert', 'match']);
    findings.mistakes.push(...checkMatch(document, tests));
    findings.mistakes.push(...eventMistakes(document, event, [...at, 'event']));
    findings.warnings.push(...eventWarnings(document, event, [...at, 'event']));
    findings.warnings.push(...alertWarnings(document, alert, [...at, 'alert']));
  }
}

/** A container that has crashed seldom runs at once. */
function endsInCrash(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const steps = spec.when.sequence?.steps ?? [];
  const last = steps.length - 1;
  if (!steps[last]?.crash) return [];
  const message =
    'is the last step: fires only where the next life has begun by then; a container in back-off ' +
    'does not run and is not captured';
  return [mistakeAt(document, ['spec', 'when', 'sequence', 'steps', last, 'crash'], { message })];
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
  const cooldown = given.spec.limits.cooldown?.for ?? STANDARD_COOLDOWN.forMs;
  findings.warnings.push(...idleCatchUp(document, schedule));
  if (gapMs > cooldown) return;
  const message =
    `fires every ${formatDuration(gapMs)}, but limits.cooldown ${formatDuration(cooldown)} ` +
    'holds back what follows too soon; set a shorter cooldown';
  findings.warnings.push(mistakeAt(document, ['spec', 'when', 'schedule', 'cron'], { message }));
}

/** A minute late is taken for on time. */
const ON_TIME_MS = 60_000;

function idleCatchUp(
  document: YamlDocument,
  { catchUp, startingDeadline }: NonNullable<GivenRule['spec']['when']['schedule']>,
): Mistake[] {
  if (catchUp === 'none' || startingDeadline > ON_TIME_MS) return [];
  const message =
    `catches nothing up: startingDeadline is ${formatDuration(startingDeadline)}, and a time that ` +
    'late comes anyway; set a longer one';
  return [mistakeAt(document, ['spec', 'when', 'schedule', 'catchUp'], { message })];
}
