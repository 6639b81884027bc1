import { createHash } from 'node:crypto';
import {
  amountBytes,
  type ContainerFact,
  type Owner,
  type PodFact,
  type PodMemory,
  type Signal,
} from '../../signal/index.ts';
import { disruptionReasonOf } from '../kinds/terminating.ts';
import { longForm, type TestPod, type TestStep } from './schema.ts';

/** The pods of a test as they are now, and signals about them in few words. */
export interface TestWorld {
  /** Pods that come or look otherwise from now on. */
  put(pods: readonly TestPod[], atMs: number, initial: boolean): Signal[];
  /** The signals of a step. Error: a text that says what does not fit, for the step. */
  signalsOf(step: TestStep, atMs: number): Signal[] | { wrong: string };
}

export function createTestWorld(node: string): TestWorld {
  return new TestWorldImpl(node);
}

type Measured = PodMemory['containers'][number][];
type Found = { pod: PodFact; container: ContainerFact };

class TestWorldImpl implements TestWorld {
  readonly #node: string;
  readonly #pods = new Map<string, PodFact>();
  #births = 0;

  constructor(node: string) {
    this.#node = node;
  }

  put(pods: readonly TestPod[], atMs: number, initial: boolean): Signal[] {
    return pods.map((given) => {
      const name = typeof given === 'string' ? given : given.pod;
      const known = this.#pods.get(name);
      const fact = this.#factOf(given, known, atMs);
      return this.#changed(name, fact, atMs, initial);
    });
  }

  signalsOf(step: TestStep, atMs: number): Signal[] | { wrong: string } {
    if (step.pods) return this.put(step.pods, atMs, false);
    if (step.gone !== undefined) return this.#gone(step.gone, atMs);
    if (step.delete !== undefined) return this.#delete(step.delete, atMs);
    if (step.crash !== undefined) return this.#crash(step.crash, atMs);
    if (step.start !== undefined) return this.#start(step.start, atMs);
    if (step.memory) return this.#memory(step.memory, atMs);
    if (step.nodeMemory) return this.#nodeMemory(step.nodeMemory, atMs);
    if (step.event) return this.#event(step.event, atMs);
    if (step.probe) return this.#probe(step.probe, atMs);
    if (step.alert) return this.#alert(step.alert, atMs);
    if (step.request !== undefined) return this.#request(step.request, atMs);
    return [];
  }

  #factOf(given: TestPod, known: PodFact | undefined, atMs: number): PodFact {
    const { pod: path, labels, annotations, owner, hostNetwork, ...more } = longForm.pod(given);
    const [namespace = '', name = ''] = path.split('/');
    const uid = known?.uid ?? `uid-${name}-${++this.#births}`;
    return {
      namespace,
      name,
      uid,
      isStatic: more.static,
      nodeName: this.#node,
      labels,
      annotations,
      ...ownersOf(owner, name),
      phase: 'Running',
      terminationGraceMs: more.grace,
      hostNetwork,
      priority: more.priority,
      ...requestOf(more.containers),
      containers: more.containers.map((one) => containerOf(one, { uid, atMs, known })),
    };
  }

  #changed(name: string, pod: PodFact, atMs: number, initial = false): Signal {
    this.#pods.set(name, pod);
    return { kind: 'podChanged', pod, initial, ...times(atMs) };
  }

  #gone(path: string, atMs: number): Signal[] | { wrong: string } {
    const pod = this.#pods.get(path);
    if (!pod) return this.#noPod(path);
    this.#pods.delete(path);
    const { namespace, name, uid } = pod;
    return [{ kind: 'podGone', namespace, name, uid, ...times(atMs) }];
  }

  #delete(given: NonNullable<TestStep['delete']>, atMs: number): Signal[] | { wrong: string } {
    const { of, cause } = longForm.deletion(given);
    const pod = this.#pods.get(of);
    if (!pod) return this.#noPod(of);
    const deletingAtMs = atMs + pod.terminationGraceMs;
    const disruptionReason = disruptionReasonOf(cause);
    return [this.#changed(of, { ...pod, deletingAtMs, disruptionReason }, atMs)];
  }

  #crash(given: NonNullable<TestStep['crash']>, atMs: number): Signal[] | { wrong: string } {
    const { of, reason, exitCode, backOff } = longForm.crash(given);
    const found = this.#find(of);
    if ('wrong' in found) return found;
    const { pod, container } = found;
    const restartCount = container.restartCount + 1;
    const containerId = lifeId(pod.uid, container.name, restartCount);
    const next: ContainerFact = {
      ...container,
      restartCount,
      lastEnd: { reason, exitCode, finishedAtMs: atMs, containerId: container.containerId },
      ...(backOff
        ? { state: { kind: 'waiting', reason: 'CrashLoopBackOff', message: '' } }
        : { state: { kind: 'running', startedAtMs: atMs }, containerId }),
    };
    return [this.#withContainer(pod, next, atMs)];
  }

  #start(of: string, atMs: number): Signal[] | { wrong: string } {
    const found = this.#find(of);
    if ('wrong' in found) return found;
    const { pod, container } = found;
    const containerId = lifeId(pod.uid, container.name, container.restartCount);
    const state = { kind: 'running', startedAtMs: atMs } as const;
    return [this.#withContainer(pod, { ...container, containerId, state }, atMs)];
  }

  #withContainer(pod: PodFact, next: ContainerFact, atMs: number): Signal {
    const containers = pod.containers.map((one) => (one.name === next.name ? next : one));
    return this.#changed(`${pod.namespace}/${pod.name}`, { ...pod, containers }, atMs);
  }

  #memory(given: NonNullable<TestStep['memory']>, atMs: number): Signal[] | { wrong: string } {
    const found = this.#find(given.of);
    if ('wrong' in found) return found;
    const limitBytes = found.container.memoryLimitBytes ?? given.limit;
    const usedBytes = Math.round(limitBytes * given.used);
    const toLimit = limitBytes - usedBytes;
    const { fullIn } = given;
    return [
      {
        kind: 'memory',
        target: targetOf(found),
        levels: [{ level: 'container', usedBytes, limitBytes }],
        usedRatio: given.used,
        growthBytesPerSecond: fullIn === undefined ? 0 : toLimit / (Math.max(1, fullIn) / 1_000),
        ...(fullIn === undefined ? {} : { fullInMs: fullIn }),
        ...times(atMs),
      },
    ];
  }

  #nodeMemory(
    given: NonNullable<TestStep['nodeMemory']>,
    atMs: number,
  ): Signal[] | { wrong: string } {
    const pods = new Map<string, Measured>();
    for (const [path, usedBytes] of Object.entries(given.used)) {
      const found = this.#find(path);
      if ('wrong' in found) return found;
      const { podUid, container, containerId } = targetOf(found);
      const containers = pods.get(podUid) ?? [];
      pods.set(podUid, [...containers, { container, containerId, usedBytes }]);
    }
    const { available, capacity: capacityBytes } = given;
    return [
      {
        kind: 'nodeMemory',
        availableBytes: amountBytes(available, capacityBytes),
        capacityBytes,
        pods: [...pods].map(([podUid, containers]) => {
          const usedBytes = containers.reduce((total, one) => total + one.usedBytes, 0);
          return { podUid, usedBytes, containers };
        }),
        ...times(atMs),
      },
    ];
  }

  #event(given: NonNullable<TestStep['event']>, atMs: number): Signal[] | { wrong: string } {
    const { of, reason, message, type, component, count } = given;
    const [namespace = '', name = '', container] = of.split('/');
    const pod = this.#pods.get(`${namespace}/${name}`);
    if (!pod) return this.#noPod(`${namespace}/${name}`);
    const about = { namespace, pod: name, podUid: pod.uid, ...(container ? { container } : {}) };
    const what = {
      reason,
      type,
      message,
      component,
      countDelta: count,
      eventName: `${name}.${atMs}`,
    };
    return [{ kind: 'event', ...about, ...what, ...times(atMs) }];
  }

  #probe(given: NonNullable<TestStep['probe']>, atMs: number): Signal[] | { wrong: string } {
    const { of, ...counted } = given;
    const found = this.#find(of);
    if ('wrong' in found) return found;
    return [{ kind: 'probe', target: targetOf(found), ...counted, ...times(atMs) }];
  }

  #alert(given: NonNullable<TestStep['alert']>, atMs: number): Signal[] | { wrong: string } {
    const { of, shape, fields, hints } = given;
    const found = of === undefined ? undefined : this.#find(of);
    if (found && 'wrong' in found) return found;
    const byId = found ? { containerIdPrefix: found.container.containerId?.slice(0, 12) } : {};
    return [
      {
        kind: 'alert',
        shape,
        door: 'webhook',
        alertId: `alert-${atMs}`,
        fields,
        hints: { ...byId, ...hints },
        ...times(atMs),
      },
    ];
  }

  #request(given: NonNullable<TestStep['request']>, atMs: number): Signal[] {
    const { of, via, by } = longForm.request(given);
    const [namespace = '', pod = '', container] = of.split('/');
    const about = { namespace, pod, ...(container ? { container } : {}) };
    return [{ kind: 'request', requestId: `request-${atMs}`, ...about, via, by, ...times(atMs) }];
  }

  #find(path: string): Found | { wrong: string } {
    const [namespace = '', name = '', wanted] = path.split('/');
    const pod = this.#pods.get(`${namespace}/${name}`);
    if (!pod) return this.#noPod(`${namespace}/${name}`);
    const fitting = pod.containers.filter((one) =>
      wanted === undefined ? one.type === 'app' : one.name === wanted,
    );
    const [container] = fitting;
    if (container && fitting.length === 1) return { pod, container };
    const names = pod.containers.map((one) => one.name).join(', ');
    return { wrong: `pod ${namespace}/${name} has the containers ${names}: name one of them` };
  }

  #noPod(path: string): { wrong: string } {
    const known = [...this.#pods.keys()].join(', ');
    return { wrong: `there is no pod ${path} at this time (there are: ${known || 'none'})` };
  }
}

function requestOf(containers: Exclude<TestPod, string>['containers']) {
  const requests = containers.map((one) => longForm.container(one).memoryRequest ?? 0);
  const memoryRequestBytes = requests.reduce((total, one) => total + one, 0);
  return memoryRequestBytes > 0 ? { memoryRequestBytes } : {};
}

function containerOf(
  given: Exclude<TestPod, string>['containers'][number],
  { uid, atMs, known }: { uid: string; atMs: number; known: PodFact | undefined },
): ContainerFact {
  const { name, type, image, memory, restarts, state, probes } = longForm.container(given);
  const before = known?.containers.find((one) => one.name === name);
  const restartCount = Math.max(restarts, before?.restartCount ?? 0);
  const isSameLife = before?.restartCount === restartCount && before.state.kind === 'running';
  const startedAtMs =
    isSameLife && before.state.kind === 'running' ? before.state.startedAtMs : atMs;
  return {
    name,
    type,
    image,
    imageId: `${image}@sha256:0`,
    containerId: lifeId(uid, name, restartCount),
    state: stateOf(state, startedAtMs),
    restartCount,
    ...(before?.lastEnd ? { lastEnd: before.lastEnd } : {}),
    ...(memory === undefined ? {} : { memoryLimitBytes: memory }),
    probes: probes.map((one) => ({
      type: one.type,
      handler: 'httpGet',
      periodMs: one.period,
      timeoutMs: one.timeout,
      failureThreshold: one.failures,
    })),
  };
}

function stateOf(kind: ContainerFact['state']['kind'], atMs: number): ContainerFact['state'] {
  if (kind === 'running') return { kind, startedAtMs: atMs };
  if (kind === 'waiting') return { kind, reason: 'ContainerCreating', message: '' };
  return { kind, end: { reason: 'Completed', exitCode: 0, finishedAtMs: atMs } };
}

/** A Deployment's pods belong to a ReplicaSet of it, a CronJob's to a Job. */
function ownersOf(text: string | undefined, pod: string): { owner?: Owner; topOwner: Owner } {
  if (text === undefined) return { topOwner: { kind: 'Pod', name: pod } };
  const [kind = '', name = ''] = text.split('/');
  const topOwner = { kind, name };
  if (kind === 'Deployment')
    return { owner: { kind: 'ReplicaSet', name: `${name}-5c4` }, topOwner };
  if (kind === 'CronJob') return { owner: { kind: 'Job', name: `${name}-29` }, topOwner };
  return { owner: topOwner, topOwner };
}

function targetOf({ pod, container }: Found) {
  return {
    namespace: pod.namespace,
    pod: pod.name,
    podUid: pod.uid,
    container: container.name,
    containerId: container.containerId ?? '',
  };
}

function lifeId(uid: string, container: string, life: number): string {
  return createHash('sha256').update(`${uid}/${container}/${life}`).digest('hex');
}

function times(atMs: number) {
  return { occurredMs: atMs, seenMs: atMs };
}
