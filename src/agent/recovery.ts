import { dirname } from 'node:path';
import type { Clock, Logger } from '../base/index.ts';
import {
  type CaptureOutcome,
  failureClasses,
  imagesFolderOf,
  type Recovered,
  type RecoveryRow,
  recoveryRow,
} from '../capture/index.ts';
import type { Dispatcher, JournalEntry } from '../dispatch/index.ts';
import type { BackendName, PodFact, Target } from '../signal/index.ts';
import type { CaptureLine } from './capture-line.ts';
import type { Facts } from './facts.ts';
import type { LateArchives } from './late-archives.ts';
import type { StuckThaws } from './stuck-thaws.ts';

export interface RecoveryOptions {
  node: string;
  dispatcher: Dispatcher;
  line: CaptureLine;
  late: LateArchives;
  stuck: Pick<StuckThaws, 'add'>;
  podOf(target: Target): PodFact | undefined;
  facts: Facts;
  clock: Clock;
  log: Logger;
}

/** A trigger that waited longer than this through a stop says nothing about now. */
const AGE_MS_MAX = 3_600_000;

type Requeueing = Pick<RecoveryOptions, 'dispatcher' | 'facts' | 'clock' | 'log'>;

/**
 * Queues again what was accepted and never began. Before any new decision can come: the queue and
 * the hourly budget must know of them, and a decision about the same container joins them.
 */
export function requeueAll(options: Requeueing, unfinished: readonly JournalEntry[]): void {
  const { dispatcher, facts, clock, log } = options;
  for (const entry of unfinished) {
    const row = recoveryRow(entry.state);
    if (row?.decision !== 'requeue') continue;
    const { trigger } = entry;
    logRecovered(log, entry, row);
    if (clock.wallMs() - trigger.acceptedMs <= AGE_MS_MAX) {
      dispatcher.requeue(entry);
      continue;
    }
    dispatcher.journal.note(trigger.id, 'refused');
    const detail = 'the agent was down';
    const outcome = { kind: 'refused', trigger, reason: 'expired', detail } as const;
    facts.tell({ kind: 'ended', outcome });
  }
}

/**
 * Takes up what else a crash or a stop left unfinished, row by row of src/capture/recovery.ts, once
 * every container that may have stood still was thawed: archives that are there are proved, and
 * those that may come are waited for.
 */
export function takeUpAll(options: RecoveryOptions, recovered: readonly Recovered[]): void {
  for (const one of recovered) {
    if (one.decision === 'requeue') continue;
    logRecovered(options.log, one.entry, one);
    takeUp(options, one);
  }
}

function logRecovered(
  log: Logger,
  { trigger, state }: JournalEntry,
  { decision, why }: Pick<RecoveryRow, 'decision' | 'why'>,
): void {
  const { id, target } = trigger;
  log.info('trigger-recovered', { trigger: id, target, state, decision, why });
}

function takeUp(options: RecoveryOptions, { entry, decision, thaw }: Recovered): void {
  const { dispatcher, facts, line, late, stuck } = options;
  const { trigger } = entry;
  switch (decision) {
    case 'verify':
      if (entry.facts.archivePath !== undefined) {
        const { archivePath, imagesFolder } = entry.facts;
        line.prove({ ...lateRequest(options, entry), archivePath, imagesFolder });
      }
      return;
    case 'thaw-and-look': {
      const { startedAtMs = trigger.acceptedMs, archivePath } = entry.facts;
      const imagesFolder = imagesFolderIn(entry);
      const request = { ...lateRequest(options, entry), imagesFolder };
      // Proved to run, and traced by nobody: CRIU has ended, and its images are all that will be.
      const isOver = imagesFolder !== undefined && thaw?.end === 'runs';
      const ended = isOver ? { endedMs: options.clock.wallMs() } : {};
      late.expect({ sinceMs: startedAtMs, path: archivePath, ...ended }, request);
      const isStuck = thaw?.end === 'stuck';
      dispatcher.journal.note(trigger.id, 'failed', isStuck ? { stuck: true } : {});
      if (isStuck) stuck.add(trigger);
      facts.tell({ kind: 'ended', outcome: interrupted(entry, thaw) });
      return;
    }
    case 'requeue':
    case 'nothing':
      return;
  }
}

function lateRequest({ node, podOf }: RecoveryOptions, entry: JournalEntry) {
  const { trigger, facts } = entry;
  return {
    node,
    trigger,
    backend: backendOf(entry),
    backendReason: facts.backendReason ?? '',
    predictedFreezeMs: facts.predictedFreezeMs ?? 0,
    timings: timingsOf(entry),
    pod: podOf(trigger.target),
  };
}

/** Before the dump is over the journal names the archive alone. */
function imagesFolderIn({ facts }: JournalEntry): string | undefined {
  const { backend, archivePath, imagesFolder } = facts;
  if (imagesFolder !== undefined || archivePath === undefined) return imagesFolder;
  if (backend !== 'containerd') return undefined;
  return imagesFolderOf(dirname(archivePath), archivePath);
}

function backendOf(entry: JournalEntry): BackendName {
  const { backend } = entry.facts;
  return backend === 'kubelet' || backend === 'containerd' ? backend : 'cri';
}

/** How long a checkpoint took that ended while no agent was there is not known. */
function timingsOf({ trigger, facts }: JournalEntry) {
  const startedAtMs = facts.startedAtMs ?? trigger.acceptedMs;
  const queuedMs = Math.max(0, startedAtMs - trigger.acceptedMs);
  return { startedAtMs, queuedMs, guardMs: 0, checkpointMs: 0, ...facts.timings };
}

function interrupted(entry: JournalEntry, thaw: Recovered['thaw']) {
  const { hint, retryable } = failureClasses.cancelled;
  return {
    kind: 'failed',
    trigger: entry.trigger,
    backend: backendOf(entry),
    failure: 'cancelled',
    message: 'the agent ended while the checkpoint was under way',
    hint,
    retryable,
    timings: timingsOf(entry),
    thaw,
  } satisfies CaptureOutcome;
}
