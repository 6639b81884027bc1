import type { Cancel } from '../../base/index.ts';
import { hexDigits } from './make-pod.ts';
import type { ModelParts, Running } from './node-model.ts';
import { targetOf } from './node-model.ts';
import {
  type Life,
  type LifeEnd,
  lifeOf,
  type SimContainer,
  type SimPod,
  standsStill,
} from './pod.ts';

/** A container in its shutdown hook: from SIGTERM to its end. */
const TERM_MS = 100;
/** How often a kill that waits for a checkpoint looks again. */
const WAIT_MS = 20;
/** Linux gives pids below 2^22 only, so none of these can name a real process. */
const FIRST_PID = 4_300_000;

/** What the kubelet does with the containers of a pod: starts, restarts, back-off, probes, kills. */
export class Lifecycle {
  readonly #parts: ModelParts;
  readonly #publish: (pod: SimPod) => void;
  readonly #timers = new Set<Cancel>();
  #nextPid = FIRST_PID;

  constructor(parts: ModelParts, publish: (pod: SimPod) => void) {
    this.#parts = parts;
    this.#publish = publish;
  }

  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** Starts a container: its first life or the next. */
  begin(pod: SimPod, container: SimContainer): void {
    const { clock, random, cgroups, happenings, recorder, logs } = this.#parts;
    const nowMs = clock.wallMs();
    const life: Life = {
      containerId: hexDigits(random, 64),
      pid: this.#nextPid++,
      attempt: container.restartCount,
      createdMs: nowMs,
      startedMs: nowMs,
      usedBytes: container.spec.memoryBytes,
      cacheBytes: 0,
      ranMs: 0,
      shimPaused: false,
      cgroupFrozen: false,
      traced: false,
      checkpointing: false,
      probeFailures: 0,
      nextProbeMs: clock.monotonicMs() + (container.spec.liveness?.periodMs ?? 0),
    };
    container.state = { kind: 'running', life };
    cgroups.addLife(pod, container, life);
    logs.write(pod, container, life.attempt, 'started (simulated)');
    const { name, image } = container.spec;
    const event = (reason: string, message: string) =>
      recorder.record(pod, { type: 'Normal', reason, message, container: name });
    event('Pulled', `Container image "${image}" already present on machine`);
    event('Created', `Created container: ${name}`);
    event('Started', `Started container ${name}`);
    this.#publish(pod);
    happenings.tell('container-started', {
      ...targetOf({ pod, container, life }),
      attempt: life.attempt,
    });
  }

  /** The process is gone. A life that has ended already does not end again. */
  end(running: Running, how: { reason: string; exitCode: number }): void {
    const { pod, container, life } = running;
    if (lifeOf(container) !== life) return;
    const { clock, cgroups, happenings, logs } = this.#parts;
    const end: LifeEnd = {
      ...how,
      containerId: life.containerId,
      startedMs: life.startedMs,
      finishedMs: clock.wallMs(),
    };
    container.state = { kind: 'terminated', end };
    cgroups.removeLife(pod, life);
    logs.write(pod, container, life.attempt, `ended: ${how.reason}, exit code ${how.exitCode}`);
    this.#publish(pod);
    happenings.tell('container-stopped', { ...targetOf(running), ...how });
    if (!pod.deletion) this.#restart(running, end);
  }

  /** One look of the liveness probe, when its time has come. */
  probe(running: Running, nowMs: number): void {
    const { pod, container, life } = running;
    const { liveness } = container.spec;
    if (!liveness || nowMs < life.nextProbeMs || pod.deletion) return;
    life.nextProbeMs += liveness.periodMs;
    // A frozen process answers no HTTP; the kernel accepts TCP for it, and exec is an error that
    // the kubelet does not count.
    const unanswered = standsStill(life) && liveness.handler === 'httpGet';
    if (!container.behaviour.livenessFails && !unanswered) {
      container.probeResults.successful++;
      life.probeFailures = 0;
      return;
    }
    container.probeResults.failed++;
    life.probeFailures++;
    const { name } = container.spec;
    this.#parts.recorder.record(pod, {
      type: 'Warning',
      reason: 'Unhealthy',
      message: `Liveness probe failed: ${probeWords(liveness.handler)}`,
      container: name,
    });
    this.#parts.happenings.tell('probe-failed', {
      ...targetOf(running),
      failures: life.probeFailures,
    });
    if (life.probeFailures < liveness.failureThreshold) return;
    life.nextProbeMs = Number.POSITIVE_INFINITY;
    const message = `Container ${name} failed liveness probe, will be restarted`;
    void this.kill(running, message, { reason: 'Error', exitCode: 137 });
  }

  /** Killing Event, SIGTERM, and the end; waits while a checkpoint holds the container. */
  async kill(
    running: Running,
    message: string,
    how: { reason: string; exitCode: number },
  ): Promise<void> {
    const { pod, container, life } = running;
    const { recorder, happenings } = this.#parts;
    const fields = { type: 'Normal', reason: 'Killing', message } as const;
    recorder.record(pod, { ...fields, container: container.spec.name });
    happenings.tell('killing', { ...targetOf(running), why: message });
    await this.#wait(TERM_MS);
    // The shim serialises: a kill stands behind a checkpoint that runs.
    while (life.checkpointing && lifeOf(container) === life) await this.#wait(WAIT_MS);
    this.end(running, how);
  }

  async deletePod(pod: SimPod, graceMs: number): Promise<void> {
    pod.deletion = { atMs: this.#parts.clock.wallMs() + graceMs };
    this.#publish(pod);
    const kills = pod.containers.flatMap((container) => {
      const life = lifeOf(container);
      if (!life) return [];
      const message = `Stopping container ${container.spec.name}`;
      const how = { reason: 'Error', exitCode: 143 };
      return [this.kill({ pod, container, life }, message, how)];
    });
    await Promise.all(kills);
  }

  #restart({ pod, container, life }: Running, end: LifeEnd): void {
    const { restartPolicy } = pod;
    if (restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && end.exitCode === 0)) return;
    const { minMs, maxMs } = this.#parts.backOff;
    const calm = end.finishedMs - end.startedMs > 2 * maxMs;
    const delayMs = calm ? 0 : container.backOffMs;
    container.backOffMs = Math.min(maxMs, delayMs === 0 ? minMs : delayMs * 2);
    container.lastEnd = end;
    if (delayMs > 0) this.#backOff({ pod, container, life }, delayMs);
    this.#later(delayMs, () => {
      container.restartCount++;
      this.begin(pod, container);
    });
  }

  #backOff({ pod, container, life }: Running, delayMs: number): void {
    const { name } = container.spec;
    const fullName = `${pod.name}_${pod.namespace}(${pod.uid})`;
    container.state = {
      kind: 'waiting',
      reason: 'CrashLoopBackOff',
      message: `back-off ${delayMs / 1_000}s restarting failed container=${name} pod=${fullName}`,
    };
    this.#publish(pod);
    this.#parts.recorder.record(pod, {
      type: 'Warning',
      reason: 'BackOff',
      message: `Back-off restarting failed container ${name} in pod ${fullName}`,
      container: name,
    });
    this.#parts.happenings.tell('back-off', { ...targetOf({ pod, container, life }), delayMs });
  }

  #later(ms: number, run: () => void): void {
    const cancel = this.#parts.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#later(ms, resolve));
  }
}

function probeWords(handler: 'exec' | 'httpGet' | 'tcpSocket'): string {
  switch (handler) {
    case 'httpGet':
      return 'HTTP probe failed with statuscode: 500';
    case 'tcpSocket':
      return 'dial tcp 10.88.0.1:8080: connect: connection refused';
    case 'exec':
      return 'unhealthy';
  }
}
