import { basename } from 'node:path';
import {
  type Archives,
  describeFinding,
  judgeFullDisk,
  type KeepRequest,
  type KeepResult,
  keepRequestOf,
} from '../archive/index.ts';
import {
  type Clock,
  createBackoff,
  isStillpointError,
  type Logger,
  messageOf,
  type Random,
} from '../base/index.ts';
import { type CaptureOutcome, type Capturer, failureClasses } from '../capture/index.ts';
import type { Dispatcher, Trigger } from '../dispatch/index.ts';
import { REQUEST_RULE } from '../rules/index.ts';
import type { PodFact, Target } from '../signal/index.ts';
import type { AgentMode } from './config-schema.ts';
import type { Facts } from './facts.ts';
import type { LateArchives } from './late-archives.ts';
import type { StuckThaws } from './stuck-thaws.ts';

export interface CaptureLineOptions {
  node: string;
  capturer: Capturer;
  archives: Archives;
  late: LateArchives;
  stuck: Pick<StuckThaws, 'add'>;
  /** Asked when it is needed: the dispatcher is made with this line's `capture`. */
  dispatcher(): Dispatcher;
  podOf(target: Target): PodFact | undefined;
  /** Whether rules capture: what waits when that ends is not captured any more. */
  mode(): AgentMode;
  /** After an archive was added. */
  onArchived(): void;
  facts: Facts;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** From a trigger to an archive with its record: captures one by one, proves them beside it. */
export interface CaptureLine {
  /** The dispatcher's `capture`: ends when the container runs again. */
  capture(trigger: Trigger, signal: AbortSignal): Promise<'begun' | 'not-begun'>;
  /** Proves and records an archive that is there already (found at start-up). */
  prove(request: KeepRequest): void;
  /**
   * Goes on proving for that long, because there may be no next start: an uninstalled agent leaves
   * archives, and none should lack its record. What is not recorded then is journalled as
   * `verifying`, and the next start does it.
   */
  stop(graceMs: number): Promise<void>;
}

type Captured = Extract<CaptureOutcome, { kind: 'captured' }>;

const RETRY_MS = { minMs: 1_000, maxMs: 60_000 };

export function createCaptureLine(options: CaptureLineOptions): CaptureLine {
  return new CaptureLineImpl(options);
}

class CaptureLineImpl implements CaptureLine {
  readonly #options: CaptureLineOptions;
  readonly #abort = new AbortController();
  /** Aborted first: what failed at the disk is not tried again while the agent stops. */
  readonly #stopping = new AbortController();
  /** Archives are proved one after another, beside the next capture. */
  #proving: Promise<void> = Promise.resolve();

  constructor(options: CaptureLineOptions) {
    this.#options = options;
  }

  async capture(trigger: Trigger, signal: AbortSignal): Promise<'begun' | 'not-begun'> {
    const { facts, node, podOf } = this.#options;
    // One turn later: that the trigger was accepted is told before that it is captured.
    await Promise.resolve();
    facts.tell({ kind: 'capturing', trigger });
    // The pod may be gone by the time that its archive is recorded.
    const pod = podOf(trigger.target);
    const outcome = await this.#ask(trigger, signal);
    const current = this.#coveredBy(outcome);
    facts.tell({ kind: 'capture-ended', outcome: { ...outcome, trigger: current } });
    const isStuck = outcome.kind !== 'refused' && outcome.thaw?.end === 'stuck';
    if (isStuck) this.#options.stuck.add(current);
    switch (outcome.kind) {
      case 'refused':
        this.#note(trigger, 'refused');
        facts.tell({ kind: 'ended', outcome: { ...outcome, trigger: current } });
        return 'not-begun';
      case 'failed':
        facts.tell({ kind: 'ended', outcome: { ...outcome, trigger: current } });
        if (outcome.lateArchive) {
          const { backend, timings, lateArchive } = outcome;
          const request = { node, trigger: current, backend, pod, timings };
          this.#options.late.expect(lateArchive, {
            ...request,
            backendReason: 'appeared after its capture was given up',
            predictedFreezeMs: 0,
          });
        }
        return 'begun';
      case 'captured': {
        const captured: Captured = { ...outcome, trigger: current };
        this.prove(keepRequestOf(captured, node, pod));
        return 'begun';
      }
    }
  }

  /**
   * A mistake of ours must end neither the agent nor the queue. A container that may stand still is
   * thawed from now on, and by the next start; what never began is not tried again then.
   */
  async #ask(trigger: Trigger, signal: AbortSignal): Promise<CaptureOutcome> {
    const { capturer, clock, log } = this.#options;
    const startedAtMs = clock.wallMs();
    if (this.#options.mode() === 'observe' && !isAskedFor(trigger)) {
      const detail = 'the agent was told to observe while this waited';
      return { kind: 'refused', trigger, reason: 'observed', detail };
    }
    try {
      return await capturer.capture(trigger, signal);
    } catch (error) {
      log.error('capture-broke', { trigger: trigger.id, error });
      const { journal } = this.#options.dispatcher();
      const entry = journal.unfinished().find((one) => one.trigger.id === trigger.id);
      if (entry?.state === 'checkpointing') this.#options.stuck.add(trigger);
      else this.#note(trigger, 'failed');
      const { hint, retryable } = failureClasses.unknown;
      const timings = { startedAtMs, queuedMs: 0, guardMs: 0, checkpointMs: 0 };
      const message = `a mistake of the agent: ${messageOf(error)}`;
      const failed = { trigger, backend: 'cri', failure: 'unknown', message } as const;
      return { kind: 'failed', ...failed, hint, retryable, timings };
    }
  }

  /** The trigger with all decisions that its archive answers; of one that failed, with all. */
  #coveredBy(outcome: CaptureOutcome): Trigger {
    const dispatcher = this.#options.dispatcher();
    const { id } = outcome.trigger;
    const untilMs = outcome.kind === 'captured' ? outcome.timings.lastFrozenAtMs : undefined;
    const current = untilMs === undefined ? dispatcher.trigger(id) : dispatcher.cutOff(id, untilMs);
    return current ?? outcome.trigger;
  }

  prove(request: KeepRequest): void {
    const before = this.#proving;
    this.#proving = before.then(() => this.#prove(request));
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const cancel = this.#options.clock.after(graceMs, () => this.#abort.abort());
    await this.#proving;
    cancel();
  }

  async #prove(request: KeepRequest): Promise<void> {
    const { archives, clock, random, log } = this.#options;
    const { signal } = this.#abort;
    const backoff = createBackoff({ ...RETRY_MS, random });
    const startedMs = clock.monotonicMs();
    const { archivePath, imagesFolder } = request;
    this.#note(request.trigger, 'verifying', { archivePath, imagesFolder });
    while (!signal.aborted) {
      try {
        this.#tell(request, await archives.keep(request, signal));
        return;
      } catch (error) {
        if (isStillpointError(error, 'cancelled')) return;
        log.error('archive-not-recorded', { archive: request.archivePath, error });
        if (!isCuredByTime(error)) {
          this.#broken(request.trigger, basename(request.archivePath), [messageOf(error)]);
          return;
        }
        if (await this.#givesUpImages(request, error, clock.monotonicMs() - startedMs)) return;
        // The archive stays where it is; a disk that is full now may have room later.
        await clock.sleep(backoff.nextMs(), this.#stopping.signal).catch(() => undefined);
        if (this.#stopping.signal.aborted) return;
      }
    }
  }

  /** See judgeFullDisk: a full disk is harm, and images that find no room for their archive add to it. */
  async #givesUpImages(request: KeepRequest, error: unknown, waitedMs: number): Promise<boolean> {
    const { archives, log } = this.#options;
    const { archivePath, imagesFolder, trigger } = request;
    if (imagesFolder === undefined) return false;
    const decision = judgeFullDisk(error, waitedMs);
    if (decision?.kind !== 'give-up') return false;
    const { reason, detail } = decision;
    const removal = await archives.giveUpImages(imagesFolder).catch((why) => {
      // The next start removes them: the journal says that their capture ended.
      return { kind: 'left', why: messageOf(why) } as const;
    });
    log.error('images-given-up', { imagesFolder, reason, detail, removal });
    this.#broken(trigger, basename(archivePath), [`the images were given up: ${detail}`]);
    return true;
  }

  #tell({ trigger }: KeepRequest, result: KeepResult): void {
    const { facts, log, onArchived } = this.#options;
    if (result.images?.kind === 'left') log.warn('images-stay', { ...result.images });
    if (result.kind === 'broken') {
      const findings = result.findings.map(describeFinding);
      log.error('archive-broken', { archive: result.archive, findings, removal: result.removal });
      this.#broken(trigger, result.archive, findings);
      return;
    }
    this.#note(trigger, 'recorded');
    facts.tell({ kind: 'ended', outcome: { kind: 'archived', trigger, record: result.record } });
    onArchived();
  }

  #broken(trigger: Trigger, archive: string, findings: readonly string[]): void {
    this.#note(trigger, 'failed');
    this.#options.facts.tell({
      kind: 'ended',
      outcome: { kind: 'broken', trigger, archive, findings },
    });
  }

  /** The outcome is true even when it cannot be written down: recovery then does it again. */
  #note(
    trigger: Trigger,
    ...rest: Parameters<Dispatcher['journal']['note']> extends [string, ...infer R] ? R : never
  ): void {
    try {
      this.#options.dispatcher().journal.note(trigger.id, ...rest);
    } catch (error) {
      this.#options.log.error('journal-not-written', { trigger: trigger.id, error });
    }
  }
}

/** A wrong directory or a mistake of ours stays: it must not keep later archives waiting. */
function isCuredByTime(error: unknown): boolean {
  return isStillpointError(error) && error.code !== 'bad-config' && error.code !== 'internal';
}

/** By a person, who was told of the mode. */
function isAskedFor({ decisions }: Trigger): boolean {
  return decisions.some(({ rule }) => rule === REQUEST_RULE);
}
