import type { Owner, PodFact } from '../../signal/index.ts';
import { objectsAt, textAt } from '../api-object.ts';
import { isObjectName, isUid } from './api-names.ts';

/** The controlling owner reference of an object. */
export interface Controller extends Owner {
  /** `apps/v1`; empty when it was not told. */
  apiVersion: string;
  uid: string;
}

/** The owner that an object names as its controller (metadata.ownerReferences). */
export function controllerOf(metadata: unknown): Controller | undefined {
  const owner = objectsAt(metadata, 'ownerReferences').find((one) => one.controller === true);
  const kind = textAt(owner, 'kind');
  const name = textAt(owner, 'name');
  if (!kind || !name) return undefined;
  return {
    kind,
    name,
    apiVersion: textAt(owner, 'apiVersion') ?? '',
    uid: textAt(owner, 'uid') ?? '',
  };
}

/** The top owner of a pod, or where to ask for it. */
export type TopOwner =
  | { state: 'known'; owner: Owner }
  /** Told by the API only: `path` is that of the direct owner, whose controller it is. */
  | { state: 'ask'; path: string; controller: Controller }
  | { state: 'unknown' };

/** Set by the Deployment controller on each ReplicaSet of its own and on its pods. */
const TEMPLATE_HASH = 'pod-template-hash';
/** A longer name is cut by the controller (kubernetes pkg/controller/deployment/sync.go). */
const NAME_CHARS_MAX = 253;

/**
 * What a pod alone proves of its top owner. A ReplicaSet that a Deployment made is called
 * `<deployment>-<hash>`, with the hash on a label of the pod. All other owners that have owners
 * behind them (a Job of a CronJob, a ReplicaSet of something else) are to be asked for.
 */
export function topOwnerOf(pod: PodFact, controller: Controller | undefined): TopOwner {
  if (!controller) return { state: 'known', owner: { kind: 'Pod', name: pod.name } };
  const { kind, name, uid } = controller;
  const collection = collectionOf(controller);
  if (!collection) return { state: 'known', owner: { kind, name } };
  const deployment = collection === REPLICA_SETS ? deploymentOf(pod, name) : undefined;
  if (deployment) return { state: 'known', owner: { kind: 'Deployment', name: deployment } };
  if (!isObjectName(name) || !isUid(uid)) return { state: 'unknown' };
  const [group, resource] = collection;
  const path = `/apis/${group}/v1/namespaces/${pod.namespace}/${resource}/${name}`;
  return { state: 'ask', path, controller };
}

const REPLICA_SETS = ['apps', 'replicasets'] as const;
const JOBS = ['batch', 'jobs'] as const;

/** Where owners of that kind are found, when others can stand behind them. */
function collectionOf({ kind, apiVersion }: Controller) {
  if (kind === 'ReplicaSet' && apiVersion.startsWith('apps/')) return REPLICA_SETS;
  if (kind === 'Job' && apiVersion.startsWith('batch/')) return JOBS;
  return undefined;
}

function deploymentOf({ labels }: PodFact, replicaSet: string): string | undefined {
  const hash = Object.hasOwn(labels, TEMPLATE_HASH) ? labels[TEMPLATE_HASH] : '';
  if (!hash || replicaSet.length >= NAME_CHARS_MAX) return undefined;
  if (!replicaSet.endsWith(`-${hash}`)) return undefined;
  const deployment = replicaSet.slice(0, -hash.length - 1);
  return isObjectName(deployment) ? deployment : undefined;
}
