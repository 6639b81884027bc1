import { type Clock, createQuietLog, type Logger, type Random } from '../../base/index.ts';
import { type ApiClient, type Change, type KubeObject, startListWatch } from '../../kube/index.ts';
import type { Emit, OnStatus, Source } from '../source.ts';
import { createWatchedSource } from '../watched-source.ts';
import { controllerOf } from './controller.ts';
import { createOwnerLookup } from './owner-lookup.ts';
import { podChangedAtMs, podFactFromApi } from './pod-fact-from-api.ts';

export interface PodsSourceOptions {
  api: ApiClient;
  /** Only its pods are watched. */
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
}

/** What is kept of a pod to name it when it is gone. */
interface PodName {
  namespace: string;
  name: string;
}

/**
 * The pods of this node: `podChanged` for each new version of one (the first list `initial`), and
 * `podGone`. A pod that cannot be named is left out and counted as `unreadable-pod`. A pod whose
 * top owner has to be asked for comes at once without it, and again when it is known.
 */
export function createPodsSource(options: PodsSourceOptions): Source {
  const { api, nodeName, clock, random, log, emit, onStatus } = options;
  const quiet = createQuietLog(log, clock);
  const owners = createOwnerLookup({
    api,
    clock,
    random,
    onFound(pod) {
      const seenMs = clock.wallMs();
      emit({ kind: 'podChanged', pod, initial: false, occurredMs: seenMs, seenMs });
    },
    onFailure(path, error) {
      source.drop('owner-not-read');
      quiet.warn('owner-not-read', path, { path, error });
    },
  });
  const onChange = (change: Change<KubeObject, PodName>) => {
    const seenMs = clock.wallMs();
    if (change.type === 'deleted') {
      const { namespace, name } = change.before;
      const { uid } = change;
      owners.forget(uid);
      emit({ kind: 'podGone', namespace, name, uid, occurredMs: seenMs, seenMs });
      return;
    }
    const fact = podFactFromApi(change.object);
    if (!fact) {
      source.drop('unreadable-pod');
      return;
    }
    const pod = owners.complete(fact, controllerOf(change.object.metadata));
    const occurredMs = Math.min(podChangedAtMs(change.object) ?? seenMs, seenMs);
    const initial = change.from === 'firstList';
    emit({ kind: 'podChanged', pod, initial, occurredMs, seenMs });
  };
  const source = createWatchedSource({
    name: 'pods',
    clock,
    onStatus,
    begin: (onState) =>
      startListWatch<KubeObject, PodName>({
        api,
        path: '/api/v1/pods',
        query: { fieldSelector: `spec.nodeName=${nodeName}` },
        clock,
        random,
        log,
        remember: ({ metadata }) => ({
          namespace: metadata.namespace ?? '',
          name: metadata.name ?? '',
        }),
        onChange,
        onState,
      }),
  });
  return {
    ...source,
    async stop() {
      owners.stop();
      await source.stop();
    },
  };
}
