import type { KubeObject } from '../api/index.ts';
import { type LifeEnd, lifeOf, qosOf, type SimContainer, type SimPod } from './pod.ts';

/** RFC 3339 in whole seconds, as Kubernetes writes metav1.Time. */
export function kubeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The pod as the API server shows it. */
export function podJson(pod: SimPod, nodeName: string): KubeObject {
  const deletion = pod.deletion && {
    deletionTimestamp: kubeTime(pod.deletion.atMs),
    deletionGracePeriodSeconds: pod.terminationGraceMs / 1_000,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      creationTimestamp: kubeTime(pod.createdMs),
      labels: pod.labels,
      annotations: pod.annotations,
      ...(pod.owner && { ownerReferences: [{ ...pod.owner, controller: true }] }),
      ...deletion,
    },
    spec: {
      nodeName,
      restartPolicy: pod.restartPolicy,
      terminationGracePeriodSeconds: pod.terminationGraceMs / 1_000,
      ...(pod.hostNetwork && { hostNetwork: true }),
      containers: pod.containers.map(containerSpecJson),
    },
    status: {
      phase: phaseOf(pod),
      qosClass: qosOf(pod),
      podIP: pod.ip,
      startTime: kubeTime(pod.createdMs),
      conditions: [{ type: 'Ready', status: allRunning(pod) ? 'True' : 'False' }],
      containerStatuses: pod.containers.map(containerStatusJson),
    },
  };
}

function containerSpecJson({ spec }: SimContainer) {
  const env = Object.entries(spec.env ?? {}).map(([name, value]) => ({ name, value }));
  return {
    name: spec.name,
    image: spec.image,
    command: spec.command,
    ...(env.length > 0 && { env }),
    resources: resourcesJson(spec.memoryLimitBytes),
    ...(spec.liveness && { livenessProbe: probeJson(spec.liveness) }),
  };
}

function resourcesJson(limitBytes: number | undefined) {
  return limitBytes === undefined ? {} : { limits: { memory: String(limitBytes) } };
}

function probeJson(probe: NonNullable<SimContainer['spec']['liveness']>) {
  const handlers = {
    exec: { exec: { command: ['/bin/healthy'] } },
    httpGet: { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' } },
    tcpSocket: { tcpSocket: { port: 8080 } },
  };
  return {
    ...handlers[probe.handler],
    periodSeconds: probe.periodMs / 1_000,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: probe.failureThreshold,
  };
}

function containerStatusJson(container: SimContainer) {
  const { spec, state, lastEnd } = container;
  const life = lifeOf(container);
  const shownEnd = state.kind === 'terminated' ? state.end : lastEnd;
  const id = life?.containerId ?? shownEnd?.containerId;
  return {
    name: spec.name,
    image: spec.image,
    imageID: imageIdOf(spec.image),
    ...(id !== undefined && { containerID: `containerd://${id}` }),
    ready: life !== undefined,
    started: life !== undefined,
    restartCount: container.restartCount,
    resources: resourcesJson(spec.memoryLimitBytes),
    state: stateJson(container),
    lastState: lastEnd && state.kind !== 'terminated' ? { terminated: endJson(lastEnd) } : {},
  };
}

function stateJson({ state }: SimContainer) {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, message: state.message } };
    case 'running':
      return { running: { startedAt: kubeTime(state.life.startedMs) } };
    case 'terminated':
      return { terminated: endJson(state.end) };
  }
}

function endJson(end: LifeEnd) {
  return {
    exitCode: end.exitCode,
    reason: end.reason,
    startedAt: kubeTime(end.startedMs),
    finishedAt: kubeTime(end.finishedMs),
    containerID: `containerd://${end.containerId}`,
  };
}

/** A digest of the right shape for a simulated image. */
export function imageIdOf(image: string): string {
  const repository = image.replace(/:[^/:]*$/, '');
  const digits = Buffer.from(image, 'utf8').toString('hex');
  return `${repository}@sha256:${digits.padEnd(64, '0').slice(0, 64)}`;
}

function phaseOf(pod: SimPod): string {
  const states = pod.containers.map(({ state }) => state);
  if (pod.restartPolicy === 'Always' || states.some((state) => state.kind !== 'terminated')) {
    return states.every(({ kind }) => kind === 'waiting') &&
      !pod.containers.some(({ lastEnd }) => lastEnd)
      ? 'Pending'
      : 'Running';
  }
  const failed = states.some((state) => state.kind === 'terminated' && state.end.exitCode !== 0);
  return failed ? 'Failed' : 'Succeeded';
}

function allRunning(pod: SimPod): boolean {
  return pod.containers.every((container) => lifeOf(container) !== undefined);
}
