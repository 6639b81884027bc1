import { type Clock, messageOf } from '../../base/index.ts';
import { type ArchiveContent, type ArchiveDamage, writeArchive } from '../archive/index.ts';
import type { CheckpointFault, CheckpointFaults, GrpcCodeName } from '../faults.ts';
import type { Happenings } from '../happenings.ts';
import { lifeOf, type NodeModel, type Running, targetOf } from '../model/index.ts';
import type { CheckpointSpeed } from '../options.ts';
import { aborted, type CallResult, DEADLINE, deadlineOf, OK } from './grpc-answers.ts';
import type { ShimLocks } from './shim-locks.ts';
import { systemWords } from './system-words.ts';

export interface CheckpointCall {
  via: 'kubelet' | 'cri';
  containerId: string;
  location: string;
  /** Aborted with a GivenUp as its reason. */
  signal: AbortSignal;
}

export type CheckpointResult = CallResult;

export interface RunnerParts {
  clock: Clock;
  model: NodeModel;
  faults: CheckpointFaults;
  happenings: Happenings;
  speed: CheckpointSpeed;
  locks: ShimLocks;
  /** Without containerd's shims nobody but the freezer knows of a pause. */
  hasShims: boolean;
  contentOf(running: Running, bytes: number, criuFrozenMs: number): ArchiveContent;
}

/** One checkpoint under way. */
interface Run {
  call: CheckpointCall;
  running: Running;
  fault: CheckpointFault | undefined;
  /** A second checkpoint of the same container came in between. */
  disturbed: boolean;
}

/**
 * CheckpointContainer as containerd 2.x carries it out, traps included: pause, CRIU (which thaws
 * the freezer and holds the process by ptrace), packing while still frozen, resume, and only then
 * the archive. A deadline in the frozen part leaves the container paused; a cancel does not; a
 * second call for the same container spoils both.
 */
export class CheckpointRunner {
  readonly #parts: RunnerParts;
  readonly #stopping = new AbortController();
  readonly #runs = new Map<string, Run>();
  readonly #works = new Set<Promise<CheckpointResult>>();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Ends what is under way; resolves when nothing of it touches a file any more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the sim stops'));
    await Promise.allSettled(this.#works);
  }

  /** Resolves when the caller would get its answer; what was begun may go on after that. */
  async run(call: CheckpointCall): Promise<CheckpointResult> {
    const { model, happenings, clock } = this.#parts;
    const running = model.runningById(call.containerId);
    if (!running) return this.#notRunning(call.containerId);
    const target = targetOf(running);
    const monotonicMs = clock.monotonicMs();
    happenings.tell('checkpoint-received', { ...target, via: call.via, monotonicMs });
    const result = await this.#answer(call, running);
    const { via, location } = call;
    happenings.tell('checkpoint-ended', { ...target, via, location, ...result });
    return result;
  }

  async #answer(call: CheckpointCall, running: Running): Promise<CheckpointResult> {
    const { containerId } = call;
    const other = this.#runs.get(containerId);
    if (other) {
      other.disturbed = true;
      const image = `containerd.io/checkpoint/${containerId}`;
      return failed(containerId, `image "${image}": already exists`, 'AlreadyExists');
    }
    if (running.life.cgroupFrozen && !running.life.shimPaused) {
      return failed(containerId, 'OCI runtime pause failed: container not running: unknown');
    }
    const run: Run = {
      call,
      running,
      fault: this.#parts.faults.take(targetOf(running)),
      disturbed: false,
    };
    this.#runs.set(containerId, run);
    const work = this.#behindOthers(run).finally(() => {
      this.#runs.delete(containerId);
      this.#works.delete(work);
    });
    this.#works.add(work);
    return Promise.race([work, deadlineOf(call.signal)]);
  }

  async #behindOthers(run: Run): Promise<CheckpointResult> {
    const { locks } = this.#parts;
    const { containerId } = run.call;
    const { life } = run.running;
    const release = locks.takeNow(containerId, 'cri') ?? (await locks.take(containerId, 'cri'));
    life.checkpointing = true;
    try {
      return await this.#work(run);
    } finally {
      life.checkpointing = false;
      release();
    }
  }

  async #work(run: Run): Promise<CheckpointResult> {
    const { running, call, fault } = run;
    const { model, speed } = this.#parts;
    const { life } = running;
    const bytes = life.usedBytes;
    const slower = fault?.kind === 'slow' ? fault.factor : 1;
    const stopMs = slower * (speed.fixedMs + (bytes / speed.freezeBytesPerSecond) * 1_000);
    const pausedByUs = !life.shimPaused;
    try {
      const shimPaused = this.#parts.hasShims;
      model.hold(running, { shimPaused, cgroupFrozen: false, traced: true });
      const content = this.#parts.contentOf(running, bytes, stopMs / 4);
      await this.#sleep(stopMs / 4);
      if (fault?.kind === 'hang') await aborted(call.signal, this.#stopping.signal);
      if (lifeOf(running.container) !== life) {
        return failed(call.containerId, 'criu failed: type DUMP errno 3: unknown');
      }
      if (fault?.kind === 'criuKilled') return this.#killed(run, fault.while);
      model.hold(running, { cgroupFrozen: true, traced: false });
      const early = await this.#pack(run, (stopMs * 3) / 4);
      if (early?.code === 'DeadlineExceeded') return early;
      if (pausedByUs) model.hold(running, { shimPaused: false, cgroupFrozen: false });
      if (early) return early;
      await this.#sleep(slower * (bytes / speed.writeBytesPerSecond) * 1_000);
      return await this.#write(run, content);
    } catch (error) {
      if (this.#stopping.signal.aborted) return { code: 'Unavailable', message: messageOf(error) };
      throw error;
    }
  }

  /** containerd resumes after a failure, too; runc refuses it when the freezer is thawed. */
  #killed({ call, running }: Run, moment: 'frozen' | 'traced'): CheckpointResult {
    const held = moment === 'frozen' ? { shimPaused: false } : {};
    this.#parts.model.hold(running, { ...held, cgroupFrozen: false, traced: false });
    return failed(call.containerId, 'read unixpacket @->@: EOF: unknown');
  }

  /** The frozen time after CRIU; an early result ends the checkpoint without an archive. */
  async #pack(run: Run, packMs: number): Promise<CheckpointResult | undefined> {
    const { call, fault } = run;
    const { containerId, signal } = call;
    if (fault?.kind === 'leavePaused') return DEADLINE;
    if (fault?.kind === 'fail') return { code: fault.code ?? 'Unknown', message: fault.text };
    if (!signal.aborted) await this.#sleep(packMs);
    if (signal.aborted && signal.reason === 'deadline') return DEADLINE;
    if (signal.aborted) return failed(containerId, 'context canceled: unknown');
    return undefined;
  }

  async #write(run: Run, content: ArchiveContent): Promise<CheckpointResult> {
    const { call, fault } = run;
    const damage: ArchiveDamage = {
      missingMembers: fault?.kind === 'missingMembers' ? fault.members : undefined,
      truncateAt: truncateAt(run),
    };
    try {
      await writeArchive(call.location, content, damage);
    } catch (error) {
      return { code: 'Unknown', message: `open ${call.location}: ${systemWords(error)}` };
    }
    if (fault?.kind === 'diskFull') {
      return { code: 'Unknown', message: `write ${call.location}: no space left on device` };
    }
    if (run.disturbed) {
      const missing = 'ctrd-checkpoint/checkpoint/pstree.img: no such file or directory';
      return { code: 'Unknown', message: `failed to create diff tar stream: lstat ${missing}` };
    }
    return OK;
  }

  #notRunning(containerId: string): CheckpointResult {
    const known = this.#parts.model
      .pods()
      .flatMap(({ containers }) => containers)
      .some((one) => !lifeOf(one) && endedAs(one, containerId));
    if (known) {
      const message = `container "${containerId}" is in CONTAINER_EXITED state. only CONTAINER_RUNNING containers can be checkpointed`;
      return { code: 'Unknown', message };
    }
    const message = `an error occurred when trying to find container the container status "${containerId}": not found`;
    return { code: 'NotFound', message };
  }

  #sleep(ms: number): Promise<void> {
    return this.#parts.clock.sleep(ms, this.#stopping.signal);
  }
}

function endedAs(container: Running['container'], containerId: string): boolean {
  const { state, lastEnd } = container;
  const end = state.kind === 'terminated' ? state.end : lastEnd;
  return end?.containerId === containerId;
}

function failed(
  containerId: string,
  why: string,
  code: GrpcCodeName = 'Unknown',
): CheckpointResult {
  return { code, message: `checkpointing container "${containerId}" failed: ${why}` };
}

/** Where the file ends when something spoils it. */
function truncateAt({ fault, disturbed }: Run): number | undefined {
  if (fault?.kind === 'truncated') return fault.at;
  if (fault?.kind === 'diskFull') return 0.4;
  return disturbed ? 0.6 : undefined;
}
