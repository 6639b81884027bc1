import type { Cancel, Clock, Random } from '../../base/index.ts';
import type { ObjectStore } from '../api/index.ts';
import type { CgroupTree } from '../cgroups/index.ts';
import type { Happenings, HappeningTarget } from '../happenings.ts';
import type { EventRecorder } from './event-recorder.ts';
import { Lifecycle } from './lifecycle.ts';
import { makePod, ownerObject } from './make-pod.ts';
import {
  type Life,
  lifeOf,
  type SimContainer,
  type SimPod,
  type SimPodSpec,
  standsStill,
} from './pod.ts';
import { podJson } from './pod-json.ts';
import type { PodLogs } from './pod-logs.ts';

/** One container of one pod, in the life that runs now. */
export interface Running {
  pod: SimPod;
  container: SimContainer;
  life: Life;
}

export interface ModelParts {
  clock: Clock;
  random: Random;
  store: ObjectStore;
  cgroups: CgroupTree;
  recorder: EventRecorder;
  happenings: Happenings;
  logs: PodLogs;
  nodeName: string;
  tickMs: number;
  backOff: { minMs: number; maxMs: number };
}

/** The pods of the node and how they live on with time. */
export class NodeModel {
  readonly #parts: ModelParts;
  readonly #lifecycle: Lifecycle;
  readonly #pods = new Map<string, SimPod>();
  readonly #watches = new Map<string, Cancel>();
  #stopTicking: Cancel | undefined;
  #stopListening: Cancel[] = [];
  #tickedMs = 0;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.#lifecycle = new Lifecycle(parts, (pod) => this.publish(pod));
  }

  start(): void {
    const { clock, tickMs } = this.#parts;
    this.#tickedMs = clock.monotonicMs();
    this.#stopTicking = clock.every(tickMs, () => this.#tick());
    const { happenings } = this.#parts;
    this.#stopListening = [
      happenings.on('container-started', ({ containerId }) => this.#watchFreezer(containerId)),
      happenings.on('container-stopped', ({ containerId }) => this.#unwatchFreezer(containerId)),
    ];
  }

  stop(): void {
    this.#stopTicking?.();
    for (const stop of this.#stopListening) stop();
    for (const containerId of [...this.#watches.keys()]) this.#unwatchFreezer(containerId);
    this.#lifecycle.stop();
  }

  /** Adds a pod and starts its containers at once. */
  addPod(spec: SimPodSpec): SimPod {
    const { clock, random, store, cgroups, happenings } = this.#parts;
    const pod = makePod(spec, clock.wallMs(), random);
    const owner = ownerObject(pod, spec);
    if (owner) store.put(owner.resource, owner.object);
    this.#pods.set(`${pod.namespace}/${pod.name}`, pod);
    cgroups.addPod(pod);
    this.publish(pod);
    happenings.tell('pod-added', { namespace: pod.namespace, pod: pod.name });
    for (const container of pod.containers) this.#lifecycle.begin(pod, container);
    return pod;
  }

  /** As `kubectl delete pod`: deletionTimestamp, Killing, SIGTERM, and the pod is gone. */
  async deletePod(namespace: string, name: string, graceMs?: number): Promise<void> {
    const pod = this.pod(namespace, name);
    if (!pod) return;
    await this.#lifecycle.deletePod(pod, graceMs ?? pod.terminationGraceMs);
    this.#pods.delete(`${namespace}/${name}`);
    this.#parts.cgroups.removePod(pod);
    this.#parts.store.remove('pods', namespace, name);
    this.#parts.happenings.tell('pod-removed', { namespace, pod: name });
  }

  pod(namespace: string, name: string): SimPod | undefined {
    return this.#pods.get(`${namespace}/${name}`);
  }

  pods(): SimPod[] {
    return [...this.#pods.values()];
  }

  running(): Running[] {
    return this.pods().flatMap((pod) =>
      pod.containers.flatMap((container) => {
        const life = lifeOf(container);
        return life ? [{ pod, container, life }] : [];
      }),
    );
  }

  /** The running container of that id. */
  runningById(containerId: string): Running | undefined {
    return this.running().find(({ life }) => life.containerId === containerId);
  }

  /** Writes the pod to the API server's store. */
  publish(pod: SimPod): void {
    this.#parts.store.put('pods', podJson(pod, this.#parts.nodeName));
  }

  /** Changes what holds a container still, and tells when it comes to stand or moves again. */
  hold(
    running: Running,
    change: Partial<Pick<Life, 'shimPaused' | 'cgroupFrozen' | 'traced'>>,
    by: 'runtime' | 'cgroup' = 'runtime',
  ): void {
    const { pod, container, life } = running;
    const { clock, cgroups, happenings } = this.#parts;
    const before = standsStill(life);
    Object.assign(life, change);
    if (lifeOf(container) !== life) return;
    cgroups.writeFreezer(pod, container, life);
    const now = standsStill(life);
    if (now === before) return;
    const target = targetOf(running);
    if (now) {
      life.stillSinceMs = clock.monotonicMs();
      happenings.tell('frozen', { ...target, by });
    } else {
      const stoodMs = clock.monotonicMs() - (life.stillSinceMs ?? clock.monotonicMs());
      life.stillSinceMs = undefined;
      happenings.tell('thawed', { ...target, stoodMs });
    }
  }

  /** The process is killed or ends by itself. */
  end(running: Running, end: { reason: string; exitCode: number }): void {
    this.#lifecycle.end(running, end);
  }

  /** Memory of a container changed: written to the files, killed when it is over its limit. */
  setMemory(running: Running, usedBytes: number, cacheBytes = running.life.cacheBytes): void {
    const { pod, container, life } = running;
    const { memoryLimitBytes: limit = Number.POSITIVE_INFINITY } = container.spec;
    life.usedBytes = Math.min(usedBytes, limit);
    life.cacheBytes = Math.max(0, Math.min(cacheBytes, limit - life.usedBytes));
    this.#parts.cgroups.writeMemory(pod, container, life);
    if (usedBytes < limit) return;
    this.#parts.cgroups.countOomKill(pod);
    this.#lifecycle.end(running, { reason: 'OOMKilled', exitCode: 137 });
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const elapsedMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    for (const running of this.running()) {
      this.#obeyFreezerFile(running);
      if (!standsStill(running.life)) this.#liveOn(running, elapsedMs);
      if (lifeOf(running.container) === running.life) this.#lifecycle.probe(running, nowMs);
    }
  }

  #watchFreezer(containerId: string): void {
    const running = this.runningById(containerId);
    if (!running) return;
    const obey = () => {
      if (lifeOf(running.container) === running.life) this.#obeyFreezerFile(running);
    };
    const { pod, life } = running;
    this.#watches.set(containerId, this.#parts.cgroups.watchFreezer(pod, life, obey));
  }

  #unwatchFreezer(containerId: string): void {
    this.#watches.get(containerId)?.();
    this.#watches.delete(containerId);
  }

  /** Somebody wrote the freezer's file; looked at with each tick, too, where it is not watched. */
  #obeyFreezerFile(running: Running): void {
    const asked = this.#parts.cgroups.freezeAsked(running.pod, running.life);
    if (asked === undefined || asked === running.life.cgroupFrozen) return;
    this.hold(running, { cgroupFrozen: asked }, 'cgroup');
  }

  #liveOn(running: Running, elapsedMs: number): void {
    const { container, life } = running;
    const { growthBytesPerSecond, exit } = container.behaviour;
    life.ranMs += elapsedMs;
    if (exit && life.ranMs >= exit.afterMs) {
      const reason = exit.code === 0 ? 'Completed' : 'Error';
      this.#lifecycle.end(running, { reason, exitCode: exit.code });
    } else if (growthBytesPerSecond > 0) {
      this.setMemory(running, life.usedBytes + (growthBytesPerSecond * elapsedMs) / 1_000);
    }
  }
}

export function targetOf({ pod, container, life }: Running): HappeningTarget {
  return {
    namespace: pod.namespace,
    pod: pod.name,
    container: container.spec.name,
    containerId: life.containerId,
  };
}
