import { type Clock, isStillpointError, type Logger, messageOf } from '../base/index.ts';
import type { RuntimeClient } from '../cri/index.ts';
import type { ContainerCgroup, NodeProbe } from '../node/index.ts';
import { decideThaw, type ThawAct, type ThawEnd, type ThawFacts } from './thaw-decision.ts';
import { isTraced } from './tracer.ts';
import { within } from './within.ts';

/** The machine, as far as a thaw check looks at it. */
export interface ThawProbe extends Pick<NodeProbe, 'tracerPid'> {
  readonly cgroups: Pick<NodeProbe['cgroups'], 'freezerState' | 'setFreezer' | 'pids'>;
}

/** All that one thaw check needs. */
export interface ThawHands {
  clock: Clock;
  log: Logger;
  runtime?: Pick<RuntimeClient, 'taskState' | 'resumeTask'>;
  node?: ThawProbe;
  /** When it gives up and cries for help; default 5 min. */
  thawMsMax?: number;
}

/** What the agent has, with which it can find the container's cgroup besides. */
export interface ThawTools extends ThawHands {
  runtime?: RuntimeClient;
  node?: NodeProbe;
}

/** Whose thaw is checked. */
export interface ThawQuestion {
  containerId: string;
  cgroup?: ContainerCgroup;
  frozenBefore: boolean;
  mayFinishLater: boolean;
  frozenBy?: ThawFacts['frozenBy'];
}

/** How it ended. `stuck`: it still stands still, and a person must look at it. */
export interface ThawResult {
  end: ThawEnd | 'stuck';
  tookMs: number;
  /** What was done, in order, without waits; empty when the container ran already. */
  acts: readonly ThawAct[];
}

const THAW_MS_MAX = 300_000;

/** Looks often at first, when milliseconds count, then less: a dump may take minutes. */
const LOOK_MS_MIN = 10;
const LOOK_MS_MAX = 250;

/** After this long without success somebody should know. */
const WARN_MS = 10_000;

/** Freezing by the cgroup takes ms; a process that hangs in the kernel takes for ever. */
const FREEZE_MS_MAX = 2_000;

/**
 * What is frozen by us waits no longer than this for the word of a runtime that may hang. One that
 * is only slow is given more time from question to question, so that it is heard in the end.
 */
const ASK_MS = { first: 250, max: 10_000 };

/**
 * Sees to it that a container runs after a checkpoint, whatever became of the call: looks at task
 * and freezer, acts by the table, looks again, until both agree. Never rejects, is never cut short
 * by a stop of the agent, and says nothing while there is nothing to say: the fast case is one
 * question and no log line.
 */
export async function ensureThawed(tools: ThawHands, question: ThawQuestion): Promise<ThawResult> {
  const { clock, log } = tools;
  const beganMs = clock.monotonicMs();
  const acts: ThawAct[] = [];
  let last: { key: string; sinceMs: number } | undefined;
  let lookMs = LOOK_MS_MIN;
  let warned = false;
  let askMs = ASK_MS.first;
  for (;;) {
    const seen = await look(tools, question, askMs);
    if (seen.task === 'unknown') askMs = Math.min(askMs * 2, ASK_MS.max);
    const nowMs = clock.monotonicMs();
    const key = `${seen.task} ${seen.freezer} ${seen.traced}`;
    if (last?.key !== key) last = { key, sinceMs: nowMs };
    const facts = { ...seen, unchangedMs: nowMs - last.sinceMs };
    const { row, step } = decideThaw(facts);
    const tookMs = nowMs - beganMs;
    if (step.act === 'end') return { end: step.end, tookMs, acts };
    const about = { containerId: question.containerId, row, ...facts, tookMs };
    if (tookMs >= (tools.thawMsMax ?? THAW_MS_MAX)) {
      log.error('container-left-frozen', about);
      return { end: 'stuck', tookMs, acts };
    }
    if (tookMs >= WARN_MS && !warned) {
      warned = true;
      log.warn('thaw-takes-long', about);
    }
    if (step.act !== 'wait') {
      acts.push(step.act);
      await carryOut(tools, question, step.act);
    }
    await clock.sleep(lookMs);
    lookMs = Math.min(lookMs * 2, LOOK_MS_MAX);
  }
}

async function look(
  tools: ThawHands,
  question: ThawQuestion,
  askMs: number,
): Promise<Omit<ThawFacts, 'unchangedMs'>> {
  const { frozenBefore, mayFinishLater, frozenBy, cgroup } = question;
  const asked = lookAtTask(tools.runtime, question.containerId);
  const { freezer } = lookAtCgroup(tools.node, cgroup);
  const isOurs = frozenBy !== undefined && (freezer === 'frozen' || freezer === 'freezing');
  const task = isOurs ? ((await within(tools.clock, askMs, asked)) ?? 'unknown') : await asked;
  return { task, ...lookAtCgroup(tools.node, cgroup), frozenBefore, mayFinishLater, frozenBy };
}

async function lookAtTask(
  runtime: ThawHands['runtime'],
  containerId: string,
): Promise<ThawFacts['task']> {
  if (!runtime) return 'unsupported';
  try {
    return await runtime.taskState(containerId);
  } catch (error) {
    if (isStillpointError(error, 'not-found')) return 'gone';
    if (isStillpointError(error, 'unsupported')) return 'unsupported';
    return 'unknown';
  }
}

/**
 * Freezer, and whether somebody traces a process of it. Files that cannot be read are not seen; the
 * task alone must do then.
 */
function lookAtCgroup(
  node: ThawProbe | undefined,
  cgroup: ContainerCgroup | undefined,
): Pick<ThawFacts, 'freezer' | 'traced'> {
  if (!node || !cgroup) return { freezer: 'unseen', traced: false };
  try {
    const freezer = node.cgroups.freezerState(cgroup) ?? 'gone';
    return { freezer, traced: isTraced(node, cgroup) };
  } catch (error) {
    if (isStillpointError(error)) return { freezer: 'unseen', traced: false };
    throw error;
  }
}

/** An act that fails is not an end: the next look shows what is true, and the loop goes on. */
async function carryOut(tools: ThawHands, question: ThawQuestion, act: ThawAct): Promise<void> {
  try {
    if (act === 'resume') await tools.runtime?.resumeTask(question.containerId);
    if (act === 'thaw-freezer') setFreezer(tools, question, 'thawed');
    if (act === 'freeze-and-resume') await freezeAndResume(tools, question);
  } catch (error) {
    tools.log.warn('thaw-act-failed', {
      act,
      containerId: question.containerId,
      why: messageOf(error),
    });
  }
}

/** Brings the shim's belief and the freezer together, then resumes; never leaves it frozen. */
async function freezeAndResume(tools: ThawHands, question: ThawQuestion): Promise<void> {
  const { node, clock, runtime } = tools;
  const { cgroup } = question;
  if (!node || !cgroup || !runtime) return;
  const beganMs = clock.monotonicMs();
  setFreezer(tools, question, 'frozen');
  try {
    while (node.cgroups.freezerState(cgroup) === 'freezing') {
      if (clock.monotonicMs() - beganMs > FREEZE_MS_MAX) break;
      await clock.sleep(1);
    }
    await runtime.resumeTask(question.containerId);
  } finally {
    if (node.cgroups.freezerState(cgroup) !== 'thawed') setFreezer(tools, question, 'thawed');
  }
}

function setFreezer(tools: ThawHands, { cgroup }: ThawQuestion, wanted: 'frozen' | 'thawed') {
  if (cgroup) tools.node?.cgroups.setFreezer(cgroup, wanted);
}
