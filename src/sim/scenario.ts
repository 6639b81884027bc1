import { StillpointError } from '../base/index.ts';
import type { HappeningDetails, Happenings } from './happenings.ts';
import {
  type Behaviour,
  type EventFields,
  type EventRecorder,
  lifeOf,
  type NodeModel,
  type Running,
  type SimPod,
  type SimPodSpec,
} from './model/index.ts';

/** Names a container of the sim; `container` may be left out in a pod that has one only. */
export interface ContainerName {
  namespace: string;
  pod: string;
  container?: string;
}

type Stopped = HappeningDetails['container-stopped'];

/**
 * What tests and stories do to the node. Methods act at once; those that start something which
 * ends by itself return a promise of its end, so that nobody needs to sleep. The promise may be
 * left alone.
 */
export class Scenario {
  readonly #model: NodeModel;
  readonly #recorder: EventRecorder;
  readonly #happenings: Happenings;

  constructor(model: NodeModel, recorder: EventRecorder, happenings: Happenings) {
    this.#model = model;
    this.#recorder = recorder;
    this.#happenings = happenings;
  }

  /** Adds a pod; its containers run when this returns. */
  addPod(spec: SimPodSpec): SimPod {
    return this.#model.addPod(spec);
  }

  /** As `kubectl delete pod`; resolves when the pod is gone. */
  deletePod(name: ContainerName, graceMs?: number): Promise<void> {
    return this.#model.deletePod(name.namespace, name.pod, graceMs);
  }

  /** Memory grows from now on, over restarts too, until the OOM kill that this resolves with. */
  leak(name: ContainerName, bytesPerSecond: number): Promise<Stopped> {
    this.#behave(name, { growthBytesPerSecond: bytesPerSecond });
    return this.#ends(name, ({ reason }) => reason === 'OOMKilled');
  }

  /** What it uses now, without growth: memory that cannot be dropped, and page cache. */
  setMemory(name: ContainerName, usedBytes: number, cacheBytes?: number): void {
    this.#model.setMemory(this.running(name), usedBytes, cacheBytes);
  }

  /** Every life ends by itself after `afterMs` of running; resolves with the first end. */
  crashLoop(name: ContainerName, afterMs: number, exitCode = 1): Promise<Stopped> {
    this.#behave(name, { exit: { afterMs, code: exitCode } });
    return this.#ends(name);
  }

  /** The process ends now. */
  exit(name: ContainerName, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error') {
    this.#model.end(this.running(name), { reason, exitCode });
  }

  /** The liveness probe fails from now on; resolves with the kubelet's kill. */
  failLiveness(name: ContainerName): Promise<HappeningDetails['killing']> {
    this.#behave(name, { livenessFails: true });
    return this.#happenings.next('killing', this.#isOf(name));
  }

  /** Growth, crashes and failing probes are over; the container runs on as it is. */
  heal(name: ContainerName): void {
    this.#behave(name, { growthBytesPerSecond: 0, livenessFails: false, exit: undefined });
  }

  /** Records an Event about the pod as its kubelet would; returns the Event's name. */
  emitEvent(name: Pick<ContainerName, 'namespace' | 'pod'>, fields: EventFields): string {
    return this.#recorder.record(this.#pod(name), fields);
  }

  /** Somebody else freezes or thaws the container by its cgroup. */
  setFrozen(name: ContainerName, frozen: boolean): void {
    this.#model.hold(this.running(name), { cgroupFrozen: frozen }, 'cgroup');
  }

  /** The life that runs now. Errors: `not-found`, `not-running`. */
  running(name: ContainerName): Running {
    const pod = this.#pod(name);
    const container = this.#container(name);
    const life = lifeOf(container);
    if (life) return { pod, container, life };
    throw new StillpointError({
      code: 'not-running',
      message: `sim: ${pod.namespace}/${pod.name}/${container.spec.name} does not run`,
    });
  }

  #behave(name: ContainerName, change: Partial<Behaviour>): void {
    Object.assign(this.#container(name).behaviour, change);
  }

  #ends(name: ContainerName, match: (stopped: Stopped) => boolean = () => true): Promise<Stopped> {
    const isOf = this.#isOf(name);
    return this.#happenings.next('container-stopped', (one) => isOf(one) && match(one));
  }

  #isOf(name: ContainerName) {
    const container = this.#container(name).spec.name;
    return (one: { namespace: string; pod: string; container: string }) =>
      one.namespace === name.namespace && one.pod === name.pod && one.container === container;
  }

  #container(name: ContainerName) {
    const { containers } = this.#pod(name);
    const wanted =
      name.container ?? (containers.length === 1 ? containers[0]?.spec.name : undefined);
    const found = containers.find(({ spec }) => spec.name === wanted);
    if (found) return found;
    const known = containers.map(({ spec }) => spec.name).join(', ');
    throw new StillpointError({
      code: 'not-found',
      message: `sim: ${name.namespace}/${name.pod} has no container '${name.container ?? ''}', only ${known}`,
    });
  }

  #pod({ namespace, pod }: Pick<ContainerName, 'namespace' | 'pod'>): SimPod {
    const found = this.#model.pod(namespace, pod);
    if (found) return found;
    throw new StillpointError({ code: 'not-found', message: `sim: no pod ${namespace}/${pod}` });
  }
}
