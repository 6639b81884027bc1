import { type Clock, messageOf, nodeCodeOf } from '../../base/index.ts';
import { type ArchiveContent, type ArchiveDamage, writeArchive } from '../archive/index.ts';
import type { CgroupTree } from '../cgroups/index.ts';
import type { CheckpointFault, CheckpointFaults, GrpcCodeName } from '../faults.ts';
import type { Happenings } from '../happenings.ts';
import { lifeOf, type NodeModel, type PodLogs, type Running, targetOf } from '../model/index.ts';
import type { CheckpointSpeed } from '../options.ts';
import { archiveContent } from './archive-content.ts';

/** Why a caller gives a checkpoint up: it went away, or the deadline of its call expired. */
export type GivenUp = 'cancelled' | 'deadline';

export interface CheckpointCall {
  via: 'kubelet' | 'cri';
  containerId: string;
  location: string;
  /** Aborted with a GivenUp as its reason. */
  signal: AbortSignal;
}

export interface CheckpointResult {
  code: GrpcCodeName;
  message: string;
}

export interface RunnerParts {
  clock: Clock;
  model: NodeModel;
  cgroups: CgroupTree;
  logs: PodLogs;
  faults: CheckpointFaults;
  happenings: Happenings;
  speed: CheckpointSpeed;
}

/** One checkpoint under way. */
interface Run {
  call: CheckpointCall;
  running: Running;
  fault: CheckpointFault | undefined;
  /** A second checkpoint of the same container came in between. */
  disturbed: boolean;
}

const OK: CheckpointResult = { code: 'OK', message: '' };
const DEADLINE: CheckpointResult = {
  code: 'DeadlineExceeded',
  message: 'context deadline exceeded',
};

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
    running.life.checkpointing = true;
    const work = this.#work(run).finally(() => {
      running.life.checkpointing = false;
      this.#runs.delete(containerId);
      this.#works.delete(work);
    });
    this.#works.add(work);
    return Promise.race([work, deadlineOf(call.signal)]);
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
      model.hold(running, { shimPaused: true, cgroupFrozen: false, traced: true });
      const content = this.#content(running, bytes, stopMs / 4);
      await this.#sleep(stopMs / 4);
      if (fault?.kind === 'hang') await aborted(call.signal, this.#stopping.signal);
      if (lifeOf(running.container) !== life) {
        return failed(call.containerId, 'criu failed: type DUMP errno 3: unknown');
      }
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

  #content(running: Running, bytes: number, criuFrozenMs: number): ArchiveContent {
    const { cgroups, logs, clock, speed } = this.#parts;
    return archiveContent(running, {
      cgroupsPath: cgroups.cgroupsPath(running.pod, running.life),
      logs,
      nowMs: clock.wallMs(),
      bytes,
      criuFrozenMs,
      pagesScale: speed.pagesScale,
    });
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

/** Resolves only if the deadline of the call expires. */
function deadlineOf(signal: AbortSignal): Promise<CheckpointResult> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      if (signal.reason === 'deadline') resolve(DEADLINE);
    });
  });
}

/** Resolves when the caller gives up; rejects when the sim stops. */
function aborted(caller: AbortSignal, sim: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (caller.aborted) resolve();
    caller.addEventListener('abort', () => resolve(), { once: true });
    sim.addEventListener('abort', () => reject(sim.reason), { once: true });
  });
}

/** What the system says, in the words that a Go program would use. */
function systemWords(error: unknown): string {
  switch (nodeCodeOf(error)) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'ENAMETOOLONG':
      return 'file name too long';
    case 'EACCES':
      return 'permission denied';
    case 'EROFS':
      return 'read-only file system';
    case 'ENOSPC':
      return 'no space left on device';
    default:
      return messageOf(error);
  }
}
