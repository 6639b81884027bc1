import { isStillpointError, messageOf } from '../base/index.ts';
import type { Journal, JournalFacts, Trigger } from '../dispatch/index.ts';
import type { CheckpointReply } from './backend.ts';
import {
  type CapturePlan,
  type CaptureState,
  checkpointing,
  failed,
  freezing,
  guarded,
  queued,
  thawed,
  thawing,
} from './capture-state.ts';
import { classifyDeath, classifyFailure } from './classify.ts';
import { readDumpLog } from './dump-log.ts';
import { type FailureClass, failureClasses } from './failure.ts';
import { type FreezeSpan, watchFreezer } from './freeze-watch.ts';
import { whyFrozenMeanwhile } from './frozen-meanwhile.ts';
import type { CaptureOutcome, CaptureTimings, LateArchive } from './outcome.ts';
import { removePartialFile } from './partial-file.ts';
import { captureSpecOf, type PlanSources, planCapture, type Refused } from './plan.ts';
import { ensureThawed, type ThawResult, type ThawTools } from './thaw.ts';
import { createUncapturable } from './uncapturable.ts';

export interface CapturerOptions extends Omit<PlanSources, 'uncapturable'>, ThawTools {
  /** Noted before the container may stand still, and after it is proved to run. */
  journal: Pick<Journal, 'note'>;
  /**
   * Told of each state as it is entered. Runs while the container stands still in `freezing`,
   * `checkpointing` and `thawing`: must return at once, do no I/O, and not throw.
   */
  onState?: (state: CaptureState) => void;
}

/** Does captures. Concurrent calls for different containers are allowed, dispatch makes one. */
export interface Capturer {
  /**
   * One capture from guard to thaw. Aborting gives the checkpoint up in the backend's safe way;
   * the thaw check runs all the same. Never rejects but for a bug.
   */
  capture(trigger: Trigger, signal: AbortSignal): Promise<CaptureOutcome>;
}

/**
 * Failures before anybody wrote an archive. After them nothing is waited for: whatever the kubelet
 * makes of the same container in these seconds is another's, and must not become ours.
 */
const NOTHING_WRITTEN: ReadonlySet<FailureClass> = new Set([
  'bad-config',
  'criu-disabled',
  'criu-missing',
  'forbidden',
  'not-running',
  'runtime-unsupported',
  'target-gone',
  'tls-untrusted',
  'unauthorized',
  'wrong-directory',
]);

export function createCapturer(options: CapturerOptions): Capturer {
  return new CapturerImpl(options);
}

type Captured = Extract<CaptureOutcome, { kind: 'captured' }>;
type Reply<Kind extends CheckpointReply['kind']> = Extract<CheckpointReply, { kind: Kind }>;
/** The backend asked for a checkpoint, so that the container may stand still because of us. */
type Asked = Exclude<CheckpointReply, { kind: 'frozen-already' }>;

/** The reply, and the proof of how the container is after it. */
interface Aftermath {
  thaw: ThawResult;
  timings: CaptureTimings;
  /** As in the reply. */
  unlikePlan?: true;
}

class CapturerImpl implements Capturer {
  readonly #options: CapturerOptions;
  readonly #underWay = new Set<string>();
  readonly #uncapturable;

  constructor(options: CapturerOptions) {
    this.#options = options;
    this.#uncapturable = createUncapturable(options.clock);
  }

  async capture(trigger: Trigger, signal: AbortSignal): Promise<CaptureOutcome> {
    this.#options.onState?.(queued(trigger));
    const { containerId } = trigger.target;
    // Claimed before the guard asks anybody: two calls at once must not both pass.
    if (this.#underWay.has(containerId)) {
      const detail = 'a capture of this container has not ended';
      return { kind: 'refused', trigger, reason: 'busy', detail };
    }
    this.#underWay.add(containerId);
    try {
      const sources = { ...this.#options, uncapturable: this.#uncapturable };
      const plan = await planCapture(sources, trigger, signal);
      return 'kind' in plan ? plan : await this.#checkpoint(trigger, plan, signal);
    } finally {
      this.#underWay.delete(containerId);
    }
  }

  /** guarded → (freezing →) checkpointing → thawing → thawed or failed. */
  async #checkpoint(
    trigger: Trigger,
    plan: CapturePlan,
    signal: AbortSignal,
  ): Promise<CaptureOutcome> {
    const { clock, node, onState, journal } = this.#options;
    onState?.(guarded(trigger, plan));
    const startedAtMs = clock.wallMs();
    const refusal = this.#noteBegin(trigger, plan, startedAtMs);
    if (refusal) return refusal;
    const frozen = whyFrozenMeanwhile(node, plan.cgroup);
    if (frozen !== undefined) return frozenAlready(trigger, frozen);
    const isRace = plan.dump?.sequence === 'race';
    onState?.((isRace ? freezing : checkpointing)(trigger, plan, startedAtMs));
    // From here to the end of ensureThawed the container may stand still: no disk, no log.
    const beganMs = clock.monotonicMs();
    const watch = watchFreezer(clock, node, plan.cgroup);
    const onFrozen = () => {
      if (isRace) onState?.(checkpointing(trigger, plan, startedAtMs));
    };
    const reply = await this.#ask(trigger, plan, onFrozen, signal);
    if (reply.kind === 'frozen-already') {
      watch.stop();
      await reply.discard();
      onState?.(failed(trigger, plan));
      return frozenAlready(trigger, reply.detail);
    }
    const checkpointMs = clock.monotonicMs() - beganMs;
    onState?.(thawing(trigger, plan));
    const thaw = await this.#proveThaw(trigger, plan, reply);
    const { queuedMs, guardMs } = plan;
    const span = withOwnMeasure(watch.stop(), reply, clock.wallMs());
    const timings = { startedAtMs, queuedMs, guardMs, checkpointMs, ...span };
    this.#tellThaw(trigger, thaw);
    const whole = await this.#complete(reply, signal);
    if (whole.kind === 'failed') return this.#fail(trigger, plan, whole, { thaw, timings });
    const made =
      whole.kind === 'done'
        ? { archivePath: whole.archivePath }
        : { archivePath: plan.archivePath, imagesFolder: whole.folder };
    const { frozenMs } = timings;
    const measured = { timings: { guardMs, checkpointMs, frozenMs } };
    const found = { ...made, ...measured, ...stuckFact(thaw) };
    this.#afterwards('journal', () => journal.note(trigger.id, 'thawed', found));
    onState?.(thawed(trigger, plan, made.archivePath));
    const { unlikePlan } = whole.kind === 'dumped' ? whole : {};
    return this.#succeed(trigger, plan, made, { thaw, timings, unlikePlan });
  }

  /** On every way out. The guard process may forget a freeze of ours only once it is undone. */
  async #proveThaw(
    { target }: Trigger,
    { cgroup }: CapturePlan,
    reply: Asked,
  ): Promise<ThawResult> {
    const held = reply.kind === 'done' ? undefined : reply.held;
    const thaw = await ensureThawed(this.#options, {
      containerId: target.containerId,
      cgroup,
      frozenBefore: false,
      mayFinishLater: reply.kind === 'failed' && reply.mayFinishLater,
      frozenBy: held?.frozenBy,
    });
    if (thaw.end !== 'stuck') held?.release();
    return thaw;
  }

  /** What a backend still has to do once the container runs; its failure is the checkpoint's. */
  async #complete(reply: Asked, signal: AbortSignal): Promise<Asked> {
    if (reply.kind !== 'dumped') return reply;
    try {
      await reply.complete(signal);
      return reply;
    } catch (error) {
      const { discard } = reply;
      const failure = classOfLoss(error);
      return { kind: 'failed', failure, message: messageOf(error), mayFinishLater: false, discard };
    }
  }

  /** Whatever happens in the backend, a mistake of ours too, the thaw check must come after it. */
  async #ask(
    { target, ...trigger }: Trigger,
    plan: CapturePlan,
    onFrozen: () => void,
    signal: AbortSignal,
  ): Promise<CheckpointReply> {
    const { timeoutMs } = captureSpecOf({ target, ...trigger });
    const { archivePath, backend } = plan;
    const dump = plan.dump && { ...plan.dump, onFrozen };
    try {
      return await backend.checkpoint({ target, archivePath, timeoutMs, dump }, signal);
    } catch (error) {
      const message = `${backend.name} backend: ${messageOf(error)}`;
      return { kind: 'failed', failure: 'unknown', message, mayFinishLater: true };
    }
  }

  /** Book-keeping after the thaw: the outcome is true even when it cannot be written down. */
  #afterwards(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error('capture-not-noted', { what, error });
    }
  }

  /** What must be durable before the container may stand still. Without it nothing begins. */
  #noteBegin(trigger: Trigger, plan: CapturePlan, startedAtMs: number): Refused | undefined {
    const { backend, backendReason, archivePath, predictedFreezeMs } = plan;
    try {
      this.#options.journal.note(trigger.id, 'checkpointing', {
        backend: backend.name,
        backendReason,
        ...(backend.choosesPath ? { archivePath } : {}),
        ...dumpFacts(plan),
        predictedFreezeMs,
        startedAtMs,
      });
      return undefined;
    } catch (error) {
      if (!isStillpointError(error)) throw error;
      const detail = `the journal cannot be written: ${error.message}`;
      return { kind: 'refused', trigger, reason: 'not-writable', detail };
    }
  }

  #succeed(
    trigger: Trigger,
    plan: CapturePlan,
    made: Pick<Captured, 'archivePath' | 'imagesFolder'>,
    { thaw, timings, unlikePlan }: Aftermath,
  ): CaptureOutcome {
    const { backend, backendReason, predictedFreezeMs, imageBytes, layerBytes } = plan;
    this.#uncapturable.forget(trigger.target.containerId);
    if (timings.frozenMs !== undefined && thaw.acts.length === 0 && !unlikePlan) {
      const seen = { imageBytes, layerBytes, frozenMs: timings.frozenMs };
      this.#afterwards('rate', () => this.#options.rates.learn(backend.name, seen, backend.costs));
    }
    return {
      kind: 'captured',
      trigger,
      backend: backend.name,
      backendReason,
      ...made,
      predictedFreezeMs,
      timings,
      thaw,
    };
  }

  async #fail(
    trigger: Trigger,
    plan: CapturePlan,
    reply: Reply<'failed'>,
    { thaw, timings }: Aftermath,
  ): Promise<CaptureOutcome> {
    const { containerId } = trigger.target;
    const named =
      reply.failure === 'unknown'
        ? classifyFailure(reply.message, await readDumpLog(reply.message, containerId))
        : reply.failure;
    const failure = thaw.end === 'gone' ? classifyDeath(named) : named;
    this.#uncapturable.note(containerId, failure);
    const lateArchive = await this.#clearUp(plan, reply, timings);
    const { journal } = this.#options;
    this.#afterwards('journal', () => journal.note(trigger.id, 'failed', stuckFact(thaw)));
    this.#options.onState?.(failed(trigger, plan));
    const { hint, retryable } = failureClasses[failure];
    return {
      kind: 'failed',
      trigger,
      backend: plan.backend.name,
      failure,
      message: reply.message,
      hint: reply.hint || hint,
      retryable,
      timings,
      thaw,
      lateArchive,
    };
  }

  /** Removes our partial file, or names what may appear later. */
  async #clearUp(
    plan: CapturePlan,
    reply: Reply<'failed'>,
    { startedAtMs, checkpointMs }: CaptureTimings,
  ): Promise<LateArchive | undefined> {
    if (plan.backend.leavesImages) {
      await reply.discard?.();
      return undefined;
    }
    const sinceMs = startedAtMs;
    const endedMs = Math.ceil(startedAtMs + checkpointMs);
    const window = reply.mayFinishLater ? { sinceMs } : { sinceMs, endedMs };
    if (!plan.backend.choosesPath) {
      return NOTHING_WRITTEN.has(reply.failure) ? undefined : window;
    }
    const { archivePath } = plan;
    if (reply.mayFinishLater) return { path: archivePath, ...window };
    try {
      const found = await removePartialFile(archivePath);
      if (found === 'removed') this.#options.log.info('partial-archive-removed', { archivePath });
      return found === 'not-ours' ? { path: archivePath, ...window } : undefined;
    } catch (error) {
      // The file is named in the outcome, so that whoever sweeps the directory tries again.
      this.#options.log.warn('partial-archive-stays', { archivePath, why: messageOf(error) });
      return { path: archivePath, ...window };
    }
  }

  #tellThaw({ target }: Trigger, thaw: ThawResult): void {
    const { containerId } = target;
    if (thaw.acts.length > 0) this.#options.log.warn('thaw-was-needed', { containerId, ...thaw });
    if (thaw.end === 'unchecked') this.#options.log.warn('thaw-not-checked', { containerId });
  }
}

function frozenAlready(trigger: Trigger, detail: string): Refused {
  return { kind: 'refused', trigger, reason: 'frozen-already', detail };
}

/** What a restart must know of a dump into a folder. */
function dumpFacts({ dump }: CapturePlan): Pick<JournalFacts, 'frozenBy'> {
  if (dump?.sequence !== 'race') return {};
  return { frozenBy: dump.cgroup ? 'freezer' : 'task' };
}

/**
 * A backend that froze by itself, or has CRIU's own account, knows better than the freezer, which
 * CRIU thaws while it works.
 */
function withOwnMeasure(
  seen: FreezeSpan | undefined,
  reply: Asked,
  nowMs: number,
): Partial<FreezeSpan> {
  const { stoodStillMs } = reply.kind === 'dumped' ? reply : {};
  if (stoodStillMs === undefined) return seen ?? {};
  return { frozenMs: stoodStillMs, lastFrozenAtMs: nowMs };
}

/** Why a dump that had ended well was lost after all. */
function classOfLoss(error: unknown): FailureClass {
  if (isStillpointError(error, 'disk-low')) return 'disk-full';
  return isStillpointError(error, 'cancelled') ? 'cancelled' : 'unknown';
}

/** One that still stands still is thawed again and again, after a restart too. */
function stuckFact(thaw: ThawResult): { stuck?: true } {
  return thaw.end === 'stuck' ? { stuck: true } : {};
}
