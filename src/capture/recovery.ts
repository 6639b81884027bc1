import type { JournalEntry, JournalFacts, JournalState } from '../dispatch/index.ts';
import { ensureThawed, type ThawResult, type ThawTools } from './thaw.ts';

/** What is to be done about a capture that a crash or a stop left unfinished. */
export type RecoveryDecision =
  /** Put into the queue again; the guard looks anew whether the container lives. */
  | 'requeue'
  /** Prove that the container runs; then look for the archive, adopt it or remove the rest. */
  | 'thaw-and-look'
  /** The container runs; the archive is there and must be verified and recorded. */
  | 'verify'
  /** Nothing is left to do. */
  | 'nothing';

export interface RecoveryRow {
  state: JournalState;
  decision: RecoveryDecision;
  why: string;
}

/**
 * One row for each state that the journal can hold, also those that nobody should find there. An
 * entry whose facts say `stuck` is thawed besides, whatever its row says (agent/stuck-thaws.ts).
 */
export const recoveryRows: readonly RecoveryRow[] = [
  {
    state: 'queued',
    decision: 'requeue',
    why: 'accepted and never begun; nothing was asked of the runtime',
  },
  {
    state: 'guarded',
    decision: 'requeue',
    why: 'the guard had passed it, but the checkpoint is noted before it begins, and was not',
  },
  {
    state: 'checkpointing',
    decision: 'thaw-and-look',
    why:
      'noted just before the backend was asked: the container may stand still, the archive may be ' +
      'whole, partial or absent',
  },
  {
    state: 'thawing',
    decision: 'thaw-and-look',
    why: 'the backend had replied, but nobody proved that the container runs',
  },
  {
    state: 'thawed',
    decision: 'verify',
    why: 'noted once the thaw check was over and the backend had named the archive',
  },
  {
    state: 'verifying',
    decision: 'verify',
    why: 'reading an archive changes nothing, so it is read again from the start',
  },
  { state: 'recorded', decision: 'nothing', why: 'archive and record are in place' },
  { state: 'refused', decision: 'nothing', why: 'a guard refused it before anything was asked' },
  {
    state: 'failed',
    decision: 'nothing',
    why: 'noted once the thaw check was over and the partial file was dealt with',
  },
];

const rowOf = new Map<string, RecoveryRow>(recoveryRows.map((row) => [row.state, row]));

/**
 * The row of a state; undefined for a word that no Stillpoint of this version writes (a newer one
 * wrote the journal).
 */
export function recoveryRow(state: string): RecoveryRow | undefined {
  return rowOf.get(state);
}

/** One unfinished capture, decided; with the proof of its container where one was needed. */
export interface Recovered {
  entry: JournalEntry;
  decision: RecoveryDecision;
  why: string;
  thaw?: ThawResult;
}

/**
 * At start-up, before anything else is captured: runs the thaw check for each capture that may
 * have left its container standing still, all at once, and says what is to be done about the rest.
 * A state that is not known is treated like the most dangerous one. Never rejects but for a bug.
 */
export function recoverCaptures(
  unfinished: readonly JournalEntry[],
  tools: ThawTools,
): Promise<Recovered[]> {
  return Promise.all(unfinished.map((entry) => recover(entry, tools)));
}

async function recover(entry: JournalEntry, tools: ThawTools): Promise<Recovered> {
  const row = recoveryRow(entry.state);
  const decision = row?.decision ?? 'thaw-and-look';
  const why = row?.why ?? `the state '${entry.state}' is not known here, so the worst is assumed`;
  if (decision !== 'thaw-and-look') return { entry, decision, why };
  const { containerId } = entry.trigger.target;
  const thaw = await thawAgain(tools, containerId, entry.facts.frozenBy);
  if (thaw.acts.length > 0) tools.log.warn('thawed-after-crash', { containerId, ...thaw });
  return { entry, decision, why, thaw };
}

/** The thaw check for a container that one of our captures may have left standing still. */
export async function thawAgain(
  tools: ThawTools,
  containerId: string,
  frozenBy?: JournalFacts['frozenBy'],
): Promise<ThawResult> {
  return ensureThawed(tools, {
    containerId,
    cgroup: await locate(tools, containerId),
    // The guard had seen it thawed before anything was asked of the runtime.
    frozenBefore: false,
    mayFinishLater: true,
    frozenBy,
  });
}

/** Undefined when the container or the tree cannot be seen; the task alone must do then. */
async function locate({ runtime, node, log }: ThawTools, containerId: string) {
  if (!runtime || !node) return undefined;
  try {
    return node.cgroups.locate(await runtime.status(containerId));
  } catch (error) {
    log.warn('cgroup-not-located', { containerId, error });
    return undefined;
  }
}
