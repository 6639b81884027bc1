import type { Random } from '../../base/index.ts';
import type { KubeObject } from '../api/index.ts';
import type { SimContainer, SimContainerSpec, SimPod, SimPodSpec } from './pod.ts';
import { kubeTime } from './pod-json.ts';

const MIB = 1024 * 1024;

/** A pod that has not started, from what a scenario says of it. */
export function makePod(spec: SimPodSpec, nowMs: number, random: Random): SimPod {
  const uid = newUid(random);
  const isStatic = spec.isStatic ?? false;
  const runtimeUid = isStatic ? hexDigits(random, 32) : uid;
  const mirror = {
    'kubernetes.io/config.hash': runtimeUid,
    'kubernetes.io/config.mirror': runtimeUid,
    'kubernetes.io/config.source': 'file',
  };
  return {
    namespace: spec.namespace ?? 'default',
    name: spec.name,
    uid,
    runtimeUid,
    sandboxId: hexDigits(random, 64),
    labels: spec.labels ?? {},
    annotations: { ...spec.annotations, ...(isStatic && mirror) },
    owner: spec.owner && podOwner(spec, spec.owner, random),
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGraceMs: spec.terminationGraceMs ?? 30_000,
    hostNetwork: spec.hostNetwork ?? false,
    runtimeType: spec.runtimeType ?? 'io.containerd.runc.v2',
    createdMs: nowMs,
    ip: `10.88.0.${random.integer(2, 250)}`,
    containers: spec.containers.map(makeContainer),
  };
}

function makeContainer(spec: SimContainerSpec): SimContainer {
  return {
    spec: {
      ...spec,
      image: spec.image ?? 'docker.io/library/busybox:1.37',
      memoryBytes: spec.memoryBytes ?? 8 * MIB,
      command: spec.command ?? ['/bin/app', '--serve'],
    },
    behaviour: { growthBytesPerSecond: 0, livenessFails: false },
    state: { kind: 'waiting', reason: 'ContainerCreating', message: '' },
    restartCount: 0,
    probeResults: { failed: 0, successful: 0 },
    backOffMs: 0,
  };
}

function podOwner(spec: SimPodSpec, owner: NonNullable<SimPodSpec['owner']>, random: Random) {
  const uid = newUid(random);
  if (owner.kind === 'Deployment') {
    const hash = spec.labels?.['pod-template-hash'] ?? '5d4f8c7b9';
    return { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${owner.name}-${hash}`, uid };
  }
  const apiVersion = owner.kind === 'Job' ? 'batch/v1' : 'apps/v1';
  return { apiVersion, kind: owner.kind, name: owner.name, uid };
}

/** The object between a pod and its Deployment, or its Job; undefined when there is none. */
export function ownerObject(
  pod: SimPod,
  spec: SimPodSpec,
): { resource: 'replicasets' | 'jobs'; object: KubeObject } | undefined {
  const { owner } = pod;
  if (!owner || (owner.kind !== 'ReplicaSet' && owner.kind !== 'Job')) return undefined;
  const above = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: spec.owner?.name,
    controller: true,
  };
  const object = {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    metadata: {
      name: owner.name,
      namespace: pod.namespace,
      uid: owner.uid,
      creationTimestamp: kubeTime(pod.createdMs),
      ...(owner.kind === 'ReplicaSet' && { ownerReferences: [above] }),
    },
  };
  return { resource: owner.kind === 'Job' ? 'jobs' : 'replicasets', object };
}

export function hexDigits(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.integer(0, 15).toString(16)).join('');
}

function newUid(random: Random): string {
  const digits = hexDigits(random, 30);
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(12, 15)}`];
  return [...parts, `8${digits.slice(15, 18)}`, digits.slice(18, 30)].join('-');
}
