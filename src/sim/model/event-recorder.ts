import type { Clock } from '../../base/index.ts';
import type { KubeObject, ObjectStore } from '../api/index.ts';
import type { Happenings } from '../happenings.ts';
import type { SimPod } from './pod.ts';
import { kubeTime } from './pod-json.ts';

export interface EventFields {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** Absent: an Event about the pod as a whole. */
  container?: string;
  /** Occurrences that this record stands for; default 1. More: the recorder dropped updates. */
  count?: number;
}

/**
 * Records Events as the kubelet's recorder does (client-go EventCorrelator): the same fact about
 * the same object again is no new Event but a higher count on the one that is there.
 */
export class EventRecorder {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #happenings: Happenings;
  readonly #nodeName: string;
  readonly #known = new Map<string, { namespace: string; name: string }>();
  #made = 0;

  constructor(store: ObjectStore, clock: Clock, happenings: Happenings, nodeName: string) {
    this.#store = store;
    this.#clock = clock;
    this.#happenings = happenings;
    this.#nodeName = nodeName;
  }

  /** Returns the name of the Event object. */
  record(pod: SimPod, fields: EventFields): string {
    const { container = '', type, reason, message } = fields;
    const key = JSON.stringify([pod.runtimeUid, container, type, reason, message]);
    const known = this.#known.get(key);
    const before = known && this.#store.get('events', known.namespace, known.name);
    const event = before
      ? { ...before, ...this.#repeat(before, fields.count ?? 1) }
      : this.#create(pod, fields);
    this.#store.put('events', event);
    const { namespace = '', name } = event.metadata;
    this.#known.set(key, { namespace, name });
    this.#happenings.tell('event-recorded', { namespace, object: pod.name, reason, message });
    return name;
  }

  #repeat(before: KubeObject, more: number) {
    const now = this.#clock.wallMs();
    return { count: Number(before.count ?? 1) + more, lastTimestamp: kubeTime(now) };
  }

  #create(pod: SimPod, { type, reason, message, container, count = 1 }: EventFields): KubeObject {
    const nowMs = this.#clock.wallMs();
    const nanoseconds = BigInt(Math.round(nowMs)) * 1_000_000n + BigInt(this.#made++);
    const at = kubeTime(nowMs);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${pod.name}.${nanoseconds.toString(16)}`,
        namespace: pod.namespace,
        creationTimestamp: at,
      },
      involvedObject: {
        kind: 'Pod',
        namespace: pod.namespace,
        name: pod.name,
        uid: pod.runtimeUid,
        apiVersion: 'v1',
        ...(container !== undefined && { fieldPath: `spec.containers{${container}}` }),
      },
      type,
      reason,
      message,
      count,
      firstTimestamp: at,
      lastTimestamp: at,
      eventTime: null,
      source: { component: 'kubelet', host: this.#nodeName },
      reportingComponent: 'kubelet',
      reportingInstance: this.#nodeName,
    };
  }
}
