import { join } from 'node:path';
import { deathExpectedAtMs, type Trigger } from '../dispatch/index.ts';
import type { GuardLease } from '../lease/index.ts';
import type { CaptureSpec } from '../rules/index.ts';
import type { ReasonCode } from '../signal/index.ts';
import { archiveName } from './archive-name.ts';
import type { Backend, DumpOrder } from './backend.ts';
import type { CapturePlan } from './capture-state.ts';
import { chooseBackend } from './choose-backend.ts';
import { failureClasses } from './failure.ts';
import type { FreezeRates } from './freeze-rates.ts';
import {
  askGuard,
  askRuntime,
  type GuardAnswer,
  type GuardQuestion,
  type GuardSources,
  type RuntimeSight,
} from './guard-ask.ts';
import type { GuardVerdict } from './guard-facts.ts';
import { judgeGuard } from './guard-judge.ts';
import type { CaptureOutcome } from './outcome.ts';
import { chooseSequence, type Sequencing } from './sequence.ts';
import type { Uncapturable } from './uncapturable.ts';

export interface PlanSources extends GuardSources {
  /** In any order; see chooseBackend. */
  backends: readonly Backend[];
  rates: FreezeRates;
  /** Our hold on the guard process; without one nothing is ever frozen by us. */
  lease?: Pick<GuardLease, 'status'>;
  uncapturable: Uncapturable;
}

export type Refused = Extract<CaptureOutcome, { kind: 'refused' }>;

/** Less than this to live: the guard asks only what it must. */
const HURRY_MS = 5_000;

const NO_OPTIONS = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };

/**
 * How a trigger is captured, or why it is not: asks the runtime once, chooses the backend and the
 * sequence by what it says, then has the guard judge what the capture would cost.
 */
export async function planCapture(
  sources: PlanSources,
  trigger: Trigger,
  signal: AbortSignal,
): Promise<CapturePlan | Refused> {
  const { clock, rates, places, backends } = sources;
  const beganMs = clock.monotonicMs();
  const queuedMs = Math.max(0, clock.wallMs() - trigger.acceptedMs);
  const refused = (reason: Refused['reason'], detail: string): Refused => {
    return { kind: 'refused', trigger, reason, detail };
  };
  const stopping = () => refused('stopping', 'the agent stops before the capture began');
  if (signal.aborted) return stopping();
  const { target } = trigger;
  const against = reasonAgainst(sources.uncapturable, trigger);
  if (against) return refused('uncapturable', `${against}: ${failureClasses[against].meaning}`);
  const spec = captureSpecOf(trigger);
  const hurry = deathExpectedAtMs(trigger) - clock.wallMs() < HURRY_MS;
  const asking = askRuntime(sources, target.containerId, hurry);
  const status = asking.then((answers) => answers.status);
  const choice = await chooseBackend(spec.via, backends, status);
  const seen = await asking;
  if (choice.kind === 'none') return refused('no-backend', choice.detail);
  const { backend } = choice;
  const archivePath = join(places.checkpointsDirectory, archiveName(target, clock.wallMs()));
  const sequencing = backend.leavesImages && sequenceOf(sources, trigger);
  const costs = rates.costs(backend.name, backend.costs);
  const question = { target, spec, backend, archivePath, costs, seen, sequencing };
  const { answer, verdict, ...judged } = askAndJudge(sources, question);
  if (verdict.kind === 'refused') return refused(verdict.reason, verdict.detail);
  if (signal.aborted) return stopping();
  const { facts, cgroup } = answer;
  return {
    backend,
    backendReason: reasonWith(choice.reason, { spec, backend, answer }),
    archivePath,
    predictedFreezeMs: verdict.predictedFreezeMs,
    imageBytes: facts.size?.imageBytes ?? 0,
    layerBytes: facts.size?.layerBytes ?? 0,
    cgroup,
    dump: dumpOrderOf({ ...question, ...judged, answer, allowedMs: verdict.allowedFreezeMs }),
    queuedMs,
    guardMs: clock.monotonicMs() - beganMs,
  };
}

/** Refusals that the time to take the files may alone have caused. */
const OF_THE_STOP: ReadonlySet<ReasonCode> = new Set(['freeze-too-long', 'probe-budget']);

interface Judged {
  answer: GuardAnswer;
  verdict: GuardVerdict;
  sequencing?: Sequencing;
}

/** Files that would hold the container still for too long are taken once it runs, unless asked for. */
function askAndJudge(sources: GuardSources, question: GuardQuestion): Judged {
  const { sequencing, spec } = question;
  const answer = askGuard(sources, question);
  const verdict = judgeGuard(answer.facts);
  const judged = { answer, verdict, sequencing };
  if (verdict.kind === 'ok' || !OF_THE_STOP.has(verdict.reason)) return judged;
  if (sequencing?.consistency !== 'frozen' || spec.consistency === 'frozen') return judged;
  const sequenceReason = `${sequencing.sequenceReason}; files after the thaw: ${verdict.detail}`;
  const running: Sequencing = { ...sequencing, consistency: 'running', sequenceReason };
  const again = askGuard(sources, { ...question, sequencing: running });
  return { answer: again, verdict: judgeGuard(again.facts), sequencing: running };
}

/** The first decision's; there is always one. */
export function captureSpecOf(trigger: Trigger): CaptureSpec {
  const first = trigger.decisions[0];
  if (first) return first.capture;
  throw new RangeError(`trigger ${trigger.id} has no decision`);
}

/** A person who asks knows of a cure that we cannot see. */
function reasonAgainst(uncapturable: Uncapturable, { decisions, target }: Trigger) {
  const byHand = decisions.some(({ signal: { kind } }) => kind === 'request');
  return byHand ? undefined : uncapturable.reasonAgainst(target.containerId);
}

function sequenceOf({ lease }: PlanSources, trigger: Trigger): Sequencing {
  const absent = { state: 'absent', why: 'no guard process is configured' } as const;
  return chooseSequence(trigger, lease?.status() ?? absent);
}

/** What the rule asks for and does not get, besides why the backend was chosen. */
function reasonWith(
  reason: string,
  given: { spec: CaptureSpec; backend: Backend; answer: GuardAnswer },
): string {
  const { spec, backend, answer } = given;
  const { why } = answer.imagesPlace ?? {};
  const keys = backend.leavesImages ? [] : keysOfDumps(spec);
  const lost = keys.length > 0 ? `${backend.name} knows no ${keys.join(', no ')}` : undefined;
  const images = why === undefined ? undefined : `images on disk: ${why}`;
  return [reason, lost, images].filter((part) => part !== undefined).join('; ');
}

/** Keys of the rule that only a backend which leaves images can follow. */
function keysOfDumps({ sequence = 'auto', consistency = 'auto', options, images }: CaptureSpec) {
  const asked: [key: string, isAsked: boolean][] = [
    ['sequence', sequence !== 'auto'],
    ['consistency', consistency !== 'auto'],
    ['options', Object.values(options ?? {}).includes(true)],
    ['images in memory', images === 'memory'],
  ];
  return asked.filter(([, isAsked]) => isAsked).map(([key]) => key);
}

function dumpOrderOf(given: {
  spec: CaptureSpec;
  seen: RuntimeSight;
  sequencing?: Sequencing;
  answer: GuardAnswer;
  allowedMs: number;
}): DumpOrder | undefined {
  const { spec, seen, sequencing, answer, allowedMs } = given;
  const { imagesPlace, cgroup } = answer;
  if (!seen.status || !imagesPlace || !sequencing) return undefined;
  return {
    ...sequencing,
    options: spec.options ?? NO_OPTIONS,
    imagesDirectory: imagesPlace.directory,
    status: seen.status,
    cgroup,
    freezeMsMax: allowedMs,
    thawedByMs: spec.thawedByMs,
  };
}
