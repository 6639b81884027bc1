import type { PodFact } from '../../signal/index.ts';
import {
  type ApiObject,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
  textsAt,
  timeAt,
} from '../api-object.ts';
import { isLabelName, isObjectName, isUid } from './api-names.ts';
import { containerFactsFromApi } from './container-facts.ts';
import { controllerOf } from './controller.ts';
import { memoryRequestOf } from './memory-request.ts';

/** Longest reason of a condition that the API lets in is 1,024; those of Kubernetes are short. */
const REASON_MAX = 128;
const MIRROR = 'kubernetes.io/config.mirror';
const HASH = 'kubernetes.io/config.hash';
const SOURCE = 'kubernetes.io/config.source';

/**
 * The fact that Stillpoint keeps of a pod, from the API's object (core/v1 Pod). Tolerates whatever
 * is missing or odd; undefined only without a namespace, name or uid such as the API allows: they
 * become parts of file names and of URLs.
 */
export function podFactFromApi(pod: unknown): PodFact | undefined {
  const metadata = objectAt(pod, 'metadata');
  const spec = objectAt(pod, 'spec');
  const status = objectAt(pod, 'status');
  const namespace = textAt(metadata, 'namespace');
  const name = textAt(metadata, 'name');
  const uid = textAt(metadata, 'uid');
  if (!isLabelName(namespace) || !isObjectName(name) || !isUid(uid)) return undefined;
  const annotations = textsAt(metadata, 'annotations');
  const isStatic = isStaticPod(annotations);
  const controller = controllerOf(metadata);
  return {
    namespace,
    name,
    uid,
    // The mirror's uid is the API's own; kubelet and runtime use the hash of the manifest.
    staticUid: isStatic ? annotations[MIRROR] || annotations[HASH] || undefined : undefined,
    isStatic,
    nodeName: textAt(spec, 'nodeName') ?? '',
    labels: textsAt(metadata, 'labels'),
    annotations,
    owner: controller && { kind: controller.kind, name: controller.name },
    phase: textAt(status, 'phase') ?? 'Unknown',
    // The API sets it to the end of the grace period, not to the moment of the request.
    deletingAtMs: timeAt(metadata, 'deletionTimestamp'),
    disruptionReason: disruptionReasonOf(status),
    terminationGraceMs: graceSecondsOf(metadata, spec) * 1_000,
    hostNetwork: spec?.hostNetwork === true,
    priority: numberAt(spec, 'priority'),
    memoryRequestBytes: memoryRequestOf(spec),
    containers: containerFactsFromApi(spec, status),
  };
}

/**
 * When the newest thing that the object tells of happened, ms; undefined when it tells no time.
 * Whole seconds, as the API has them.
 */
export function podChangedAtMs(pod: unknown): number | undefined {
  const metadata = objectAt(pod, 'metadata');
  const status = objectAt(pod, 'status');
  const times = [timeAt(metadata, 'creationTimestamp')];
  for (const field of objectsAt(metadata, 'managedFields')) times.push(timeAt(field, 'time'));
  for (const condition of objectsAt(status, 'conditions')) {
    times.push(timeAt(condition, 'lastTransitionTime'));
  }
  for (const container of objectsAt(status, 'containerStatuses')) {
    const state = objectAt(container, 'state');
    times.push(timeAt(objectAt(state, 'running'), 'startedAt'));
    times.push(timeAt(objectAt(state, 'terminated'), 'finishedAt'));
  }
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** A pod from a file or URL of the node, not from the API: its copy in the API is a mirror. */
function isStaticPod(annotations: Readonly<Record<string, string>>): boolean {
  const source = annotations[SOURCE];
  return annotations[MIRROR] !== undefined || (source !== undefined && source !== 'api');
}

function disruptionReasonOf(status: ApiObject | undefined): string | undefined {
  const found = objectsAt(status, 'conditions').find(
    (one) => textAt(one, 'type') === 'DisruptionTarget' && textAt(one, 'status') === 'True',
  );
  return textAt(found, 'reason')?.slice(0, REASON_MAX);
}

/** A pod that is being deleted may have been given another grace than its spec says. */
function graceSecondsOf(metadata: ApiObject | undefined, spec: ApiObject | undefined): number {
  const given =
    numberAt(metadata, 'deletionGracePeriodSeconds') ??
    numberAt(spec, 'terminationGracePeriodSeconds');
  return given !== undefined && given >= 0 ? given : 30;
}
