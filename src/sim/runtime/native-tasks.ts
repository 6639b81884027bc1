import { type Clock, messageOf } from '../../base/index.ts';
import {
  type ArchiveContent,
  type DumpPlaces,
  makeDumpDirectories,
  writeDump,
  writeHalfDump,
} from '../archive/index.ts';
import type { CheckpointFault, CheckpointFaults } from '../faults.ts';
import type { Happenings } from '../happenings.ts';
import { lifeOf, type NodeModel, type Running, targetOf } from '../model/index.ts';
import type { CheckpointSpeed } from '../options.ts';
import {
  aborted,
  type CallResult,
  DEADLINE,
  deadlineOf,
  OK,
  serviceError,
} from './grpc-answers.ts';
import type { Release, ShimLocks } from './shim-locks.ts';
import { systemWords } from './system-words.ts';

export interface DumpCall extends DumpPlaces {
  containerId: string;
  /** Aborted with a GivenUp as its reason. */
  signal: AbortSignal;
}

export interface NativeTasksParts {
  clock: Clock;
  model: NodeModel;
  faults: CheckpointFaults;
  happenings: Happenings;
  speed: CheckpointSpeed;
  locks: ShimLocks;
  contentOf(running: Running, bytes: number, criuFrozenMs: number): ArchiveContent;
}

/** containerd.v1.types.Status. */
const STATUS = { unknown: 0, running: 2, paused: 4, pausing: 5 } as const;

/** How long CRIU has the cgroup frozen until it holds every process by ptrace. */
const SEIZE_MS = 2;

/** containerd's own limit for the question to a shim (io.containerd.timeout.task.state). */
const STATE_MS_MAX = 2_000;

/** One dump under way. */
interface Dump {
  call: DumpCall;
  running: Running;
  fault: CheckpointFault | undefined;
  /** The freezer as CRIU found it, and as it leaves it. */
  wasFrozen: boolean;
}

/**
 * containerd's task service for one container at a time, traps included. CRIU freezes the cgroup,
 * holds the processes by ptrace with the freezer thawed, and leaves the freezer as it found it. A
 * cancel ends nothing: whatever comes after it waits in the shim until CRIU is done. A deadline
 * kills runc, so that the shim is free at once, while CRIU goes on.
 */
export class NativeTasks {
  readonly #parts: NativeTasksParts;
  readonly #stopping = new AbortController();
  readonly #works = new Set<Promise<unknown>>();

  constructor(parts: NativeTasksParts) {
    this.#parts = parts;
  }

  /** Ends what is under way; resolves when nothing of it touches a file any more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the sim stops'));
    await Promise.allSettled(this.#works);
  }

  /** Status of a running task. The shim answers behind a dump, and containerd waits 2 s for it. */
  async status({ life }: Running): Promise<number> {
    const { locks, clock } = this.#parts;
    const { containerId } = life;
    if (locks.work(containerId) === 'pause') return STATUS.pausing;
    if (locks.work(containerId) === 'dump') {
      const giveUp = new AbortController();
      const stop = AbortSignal.any([giveUp.signal, this.#stopping.signal]);
      const isTooLong = clock.sleep(STATE_MS_MAX, stop).then(
        () => true,
        () => true,
      );
      const isLate = await Promise.race([locks.idle(containerId).then(() => false), isTooLong]);
      giveUp.abort();
      if (isLate) return STATUS.unknown;
    }
    return life.shimPaused ? STATUS.paused : STATUS.running;
  }

  async pause(containerId: string): Promise<Record<string, never>> {
    const { clock, model, faults, locks, speed } = this.#parts;
    this.#mustRun(containerId);
    const release = await locks.take(containerId, 'pause');
    try {
      const running = this.#mustRun(containerId);
      const { life } = running;
      if (life.shimPaused) throw serviceError('Unknown', 'cannot pause a paused container');
      if (life.cgroupFrozen || life.traced) {
        throw serviceError('Unknown', 'OCI runtime pause failed: container not running: unknown');
      }
      const fault = faults.take(targetOf(running), 'pause');
      const ms = fault?.kind === 'slowPause' ? fault.ms : speed.pauseMs;
      await clock.sleep(ms, this.#stopping.signal);
      model.hold(running, { shimPaused: true, cgroupFrozen: true });
      return {};
    } finally {
      release();
    }
  }

  async resume(containerId: string): Promise<Record<string, never>> {
    const { model, locks } = this.#parts;
    this.#mustRun(containerId);
    if (locks.work(containerId) !== 'cri') await locks.idle(containerId);
    const running = this.#mustRun(containerId);
    const { life } = running;
    if (!life.shimPaused) throw serviceError('Unknown', 'cannot resume a running process');
    // runc looks at the freezer: while CRIU holds the process, or when somebody thawed it by hand,
    // the container is "not paused", and the shim goes on saying PAUSED.
    if (!life.cgroupFrozen) {
      throw serviceError('Unknown', 'OCI runtime resume failed: container not paused: unknown');
    }
    model.hold(running, { shimPaused: false, cgroupFrozen: false });
    return {};
  }

  /** Resolves when the caller would get its answer; what was begun may go on after that. */
  async checkpoint(call: DumpCall): Promise<CallResult> {
    const { model, happenings, clock } = this.#parts;
    const { containerId, imagePath: location } = call;
    const running = model.runningById(containerId);
    if (!running) return notFound(containerId);
    const target = { ...targetOf(running), via: 'containerd' } as const;
    happenings.tell('checkpoint-received', { ...target, monotonicMs: clock.monotonicMs() });
    const work = this.#behindOthers(call, running).finally(() => this.#works.delete(work));
    this.#works.add(work);
    const result = await Promise.race([work, deadlineOf(call.signal)]);
    happenings.tell('checkpoint-ended', { ...target, location, ...result });
    return result;
  }

  async #behindOthers(call: DumpCall, running: Running): Promise<CallResult> {
    const { locks, faults } = this.#parts;
    const { containerId, signal } = call;
    const { life } = running;
    const release: Release =
      locks.takeNow(containerId, 'dump') ?? (await locks.take(containerId, 'dump'));
    try {
      if (signal.aborted) return givenUp(signal);
      if (lifeOf(running.container) !== life) return notFound(containerId);
      signal.addEventListener('abort', () => signal.reason === 'deadline' && release());
      const fault = faults.take(targetOf(running));
      life.checkpointing = true;
      return await this.#dump({ call, running, fault, wasFrozen: life.cgroupFrozen });
    } catch (error) {
      return {
        code: this.#stopping.signal.aborted ? 'Unavailable' : 'Unknown',
        message: words(error),
      };
    } finally {
      life.checkpointing = false;
      release();
    }
  }

  async #dump(dump: Dump): Promise<CallResult> {
    const { call, running, fault, wasFrozen } = dump;
    const { model, speed } = this.#parts;
    const slower = fault?.kind === 'slow' ? fault.factor : 1;
    const bytes = running.life.usedBytes;
    const stopMs = slower * (speed.nativeFixedMs + (bytes / speed.nativeBytesPerSecond) * 1_000);
    makeDumpDirectories(call);
    const content = this.#parts.contentOf(running, bytes, stopMs);
    model.hold(running, { cgroupFrozen: true });
    try {
      await this.#sleep(Math.min(SEIZE_MS, stopMs));
      if (fault?.kind === 'criuKilled' && fault.while === 'frozen') return killed(call, content);
      model.hold(running, { cgroupFrozen: false, traced: true });
      await this.#sleep(stopMs - SEIZE_MS);
      if (fault?.kind === 'hang') await aborted(call.signal, this.#stopping.signal);
      if (fault?.kind === 'criuKilled') {
        const result = killed(call, content);
        model.hold(running, { traced: false });
        return result;
      }
      return this.#finish(dump, content);
    } finally {
      // Also when the disk is full in truth: CRIU lets go of what it held.
      if (running.life.traced) model.hold(running, { traced: false, cgroupFrozen: wasFrozen });
    }
  }

  #finish({ call, running, fault }: Dump, content: ArchiveContent): CallResult {
    const { signal } = call;
    const failure = failureOf(fault, lifeOf(running.container) === running.life);
    if (failure !== undefined) {
      writeHalfDump(call, content, { words: failure });
      return failed(call.containerId, failure);
    }
    const isTold = !isDeadline(signal) && fault?.kind !== 'leavePaused';
    writeDump(call, content, {
      isTold,
      damage: {
        missingMembers: fault?.kind === 'missingMembers' ? fault.members : undefined,
        truncateAt: fault?.kind === 'truncated' ? fault.at : undefined,
      },
    });
    if (!isTold) return DEADLINE;
    return signal.aborted ? givenUp(signal) : OK;
  }

  #mustRun(containerId: string): Running {
    const running = this.#parts.model.runningById(containerId);
    if (running) return running;
    throw serviceError('NotFound', notFound(containerId).message);
  }

  #sleep(ms: number): Promise<void> {
    return this.#parts.clock.sleep(Math.max(0, ms), this.#stopping.signal);
  }
}

/** Why CRIU fails, in the words of its log; undefined when it does not. */
function failureOf(fault: CheckpointFault | undefined, isAlive: boolean): string | undefined {
  if (!isAlive) return 'criu failed: type DUMP errno 3';
  if (fault?.kind === 'fail') return fault.text;
  if (fault?.kind === 'diskFull') return 'No space left on device';
  return undefined;
}

function killed(call: DumpCall, content: ArchiveContent): CallResult {
  writeHalfDump(call, content, {});
  return { code: 'Unknown', message: 'read unixpacket @->@: EOF: unknown' };
}

/** Of what CRIU said runc hands on the first line only, and where the log is. */
function failed(containerId: string, words: string): CallResult {
  const bundle = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${containerId}`;
  const short = words.startsWith('criu failed') ? words : 'criu failed: type DUMP errno 0';
  const status = 'runc did not terminate successfully: exit status 1';
  const message = `${status}: ${short} path= ${bundle}/criu-dump.log: unknown`;
  return { code: 'Unknown', message };
}

function isDeadline(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason === 'deadline';
}

function givenUp(signal: AbortSignal): CallResult {
  return isDeadline(signal) ? DEADLINE : { code: 'Canceled', message: 'context canceled' };
}

function notFound(containerId: string): CallResult {
  return { code: 'NotFound', message: `task ${containerId} not found: not found` };
}

function words(error: unknown): string {
  const code = systemWords(error);
  const path = (error as NodeJS.ErrnoException).path;
  return path === undefined ? messageOf(error) : `mkdir ${path}: ${code}: unknown`;
}
