import type { ArchiveEntry, Archives } from '../archive/index.ts';
import { type Cancel, type Clock, type Logger, nextCronMs } from '../base/index.ts';
import { planRetention, type RetentionItem, type RetentionPlan } from './plan.ts';
import type { RetentionPolicy } from './policy.ts';
import { carryOut, type SweepResult } from './sweep.ts';

/** What started a run. */
export type RunReason = 'cron' | 'after-capture' | 'start' | 'manual';

/** One run: the plan, and what came of its removals. */
export interface RetentionReport {
  reason: RunReason;
  dryRun: boolean;
  plan: RetentionPlan;
  results: readonly SweepResult[];
  removedBytes: number;
  /** Bytes of all archives that are left, foreign ones too. */
  leftBytes: number;
}

export interface RunOptions {
  /** Plans and looks again at each archive, but removes nothing. */
  dryRun?: boolean;
  /** Stops between two archives. */
  signal?: AbortSignal;
}

/** Enforces the policies of one checkpoints directory. */
export interface Retention {
  /** Arms the cron of each policy. Call once. */
  start(): void;
  /** Replaces the policies (after a reload) and arms their crons, if started. */
  setPolicies(policies: readonly RetentionPolicy[]): void;
  /**
   * Sees the directory anew, plans with all policies and carries it out. Runs one at a time, in
   * the order of the calls. Errors: those of listing the directory and of the store; removals that
   * fail are in the report.
   */
  runOnce(reason: RunReason, options?: RunOptions): Promise<RetentionReport>;
  /** Ends the crons and resolves when no run is under way. */
  stop(): Promise<void>;
}

export interface RetentionOptions {
  archives: Archives;
  policies: readonly RetentionPolicy[];
  clock: Clock;
  log: Logger;
  /** Told of every run that ended, those of cron too. */
  onReport?: (report: RetentionReport) => void;
}

/** A timer sleeps no longer than this: the wall clock may be set while it waits. */
const NAP_MS_MAX = 60_000;

export function createRetention(options: RetentionOptions): Retention {
  const { archives, clock, log, onReport } = options;
  const stopping = new AbortController();
  let policies = options.policies;
  let timers: Cancel[] = [];
  let isStarted = false;
  let last: Promise<unknown> = Promise.resolve();

  const run = async (reason: RunReason, { dryRun = false, signal }: RunOptions, only?: string) => {
    await archives.refresh();
    const entries = archives.catalog.list();
    const planned = new Map(entries.map((entry) => [entry.name, entry]));
    const plan = onlyOf(planRetention(entries.map(toItem), policies, clock.wallMs()), only);
    const both = AbortSignal.any([stopping.signal, ...(signal ? [signal] : [])]);
    const results = await carryOut(plan.remove, { archives, planned }, { dryRun, signal: both });
    const report: RetentionReport = {
      reason,
      dryRun,
      plan,
      results,
      removedBytes: results.reduce(
        (sum, each) => sum + (each.kind === 'removed' ? each.bytes : 0),
        0,
      ),
      leftBytes: archives.catalog.totalBytes(),
    };
    logReport(log, report);
    onReport?.(report);
    return report;
  };
  const inTurn = (reason: RunReason, runOptions: RunOptions, only?: string) => {
    const work = () => run(reason, runOptions, only);
    const mine = last.then(work, work);
    last = mine;
    return mine;
  };
  const onCron = (policy: RetentionPolicy) => {
    inTurn('cron', {}, policy.name).catch((error) =>
      log.error('retention-failed', { reason: 'cron', policy: policy.name, error }),
    );
  };
  const disarm = () => {
    for (const cancel of timers) cancel();
    timers = [];
  };
  const arm = () => {
    disarm();
    timers = policies.map((policy) => armCron(policy, clock, () => onCron(policy)));
  };
  return {
    start() {
      isStarted = true;
      arm();
    },
    setPolicies(next) {
      policies = next;
      if (isStarted) arm();
    },
    runOnce: (reason, runOptions = {}) => inTurn(reason, runOptions),
    async stop() {
      isStarted = false;
      disarm();
      stopping.abort();
      await last.catch(() => undefined);
    },
  };
}

/** What the plan needs of a catalogued archive. */
export function toItem({ name, bytes, createdMs, standing }: ArchiveEntry): RetentionItem {
  if (standing.kind !== 'recorded') {
    return { name, bytes, createdMs, standing: { kind: standing.kind } };
  }
  const { retainClass, namespace, pod, container, owner, hold } = standing.record;
  const provenance = { retainClass, namespace, pod, container, owner, hold };
  return { name, bytes, createdMs, standing: { kind: 'recorded', ...provenance } };
}

/** A plan reduced to one policy; without a name, the whole. */
function onlyOf(plan: RetentionPlan, policy: string | undefined): RetentionPlan {
  if (policy === undefined) return plan;
  return {
    keep: plan.keep.filter((each) => each.policy === policy),
    remove: plan.remove.filter((each) => each.policy === policy),
    unmet: plan.unmet.filter((each) => each.policy === policy),
  };
}

/** Calls `run` at each time of the policy's cron; times that passed meanwhile are not made up. */
function armCron(policy: RetentionPolicy, clock: Clock, run: () => void): Cancel {
  let cancelTimer: Cancel = () => undefined;
  let isCancelled = false;
  let dueMs = nextCronMs(policy.cron, policy.timeZone, clock.wallMs());
  let seenMs = clock.wallMs();
  const nap = () => {
    cancelTimer = clock.after(Math.min(NAP_MS_MAX, dueMs - clock.wallMs()), wake);
  };
  const wake = () => {
    const nowMs = clock.wallMs();
    const wasSetBack = nowMs < seenMs;
    seenMs = nowMs;
    const isDue = nowMs >= dueMs;
    if (isDue || wasSetBack) dueMs = nextCronMs(policy.cron, policy.timeZone, nowMs);
    if (isDue) run();
    if (!isCancelled) nap();
  };
  nap();
  return () => {
    isCancelled = true;
    cancelTimer();
  };
}

function logReport(log: Logger, { reason, dryRun, plan, results }: RetentionReport): void {
  const reasonsOf = new Map(plan.remove.map((each) => [each.name, each.reasons]));
  for (const result of results) {
    const fields = { archive: result.name, policy: result.policy, run: reason };
    const reasons = reasonsOf.get(result.name);
    switch (result.kind) {
      case 'removed':
        log.info('archive-removed', { ...fields, bytes: result.bytes, reasons });
        break;
      case 'would-remove':
        log.info('archive-would-be-removed', { ...fields, bytes: result.bytes, reasons });
        break;
      case 'held-back':
        log.warn('archive-removal-held-back', {
          ...fields,
          why: result.code,
          detail: result.detail,
        });
        break;
      case 'failed':
        log.error('archive-removal-failed', {
          ...fields,
          archiveFile: result.archive,
          error: result.error,
        });
        break;
    }
  }
  if (dryRun) return;
  for (const unmet of plan.unmet) log.warn('retention-limit-unmet', { ...unmet, run: reason });
}
