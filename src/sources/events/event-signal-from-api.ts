import type { EventSignal } from '../../signal/index.ts';
import { objectAt, textAt } from '../api-object.ts';

/** The API allows 1,024; old recorders wrote more. */
const MESSAGE_MAX = 4_096;

/** The parts of an EventSignal that the object alone tells. */
export type EventFacts = Omit<EventSignal, 'kind' | 'occurredMs' | 'seenMs' | 'countDelta'>;

/** Reads an Event about a pod (core/v1); undefined when it does not name one. */
export function eventFactsFromApi(event: unknown): EventFacts | undefined {
  const involved = objectAt(event, 'involvedObject');
  const namespace = textAt(involved, 'namespace');
  const pod = textAt(involved, 'name');
  if (textAt(involved, 'kind') !== 'Pod' || !namespace || !pod) return undefined;
  return {
    namespace,
    pod,
    podUid: textAt(involved, 'uid') ?? '',
    container: containerOf(textAt(involved, 'fieldPath')),
    reason: textAt(event, 'reason') ?? '',
    type: textAt(event, 'type') ?? '',
    message: (textAt(event, 'message') ?? textAt(event, 'note') ?? '').slice(0, MESSAGE_MAX),
    component: componentOf(event),
    eventName: textAt(objectAt(event, 'metadata'), 'name') ?? '',
  };
}

/** Recorders of events.k8s.io leave the first of the two empty. */
function componentOf(event: unknown): string | undefined {
  const component = textAt(objectAt(event, 'source'), 'component');
  return component || textAt(event, 'reportingComponent') || undefined;
}

/**
 * True when the kubelet of another node recorded it: it speaks of its own pods only. Whatever else
 * may concern a pod of ours (the scheduler and controllers name no node), so it is passed on.
 */
export function isFromOtherKubelet(event: unknown, nodeName: string): boolean {
  const source = objectAt(event, 'source');
  if (componentOf(event) !== 'kubelet') return false;
  const nodes = [textAt(source, 'host'), textAt(event, 'reportingInstance')].filter(Boolean);
  return nodes.length > 0 && !nodes.includes(nodeName);
}

/** True for the Events that Stillpoint records: an outcome of ours must never be a sign to us. */
export function isOurOwn(event: unknown): boolean {
  return textAt(objectAt(event, 'source'), 'component') === 'stillpoint';
}

/** `spec.containers{app}`, `spec.initContainers{…}` and so on → the name. */
function containerOf(fieldPath: string | undefined): string | undefined {
  const match = /^spec\.(?:containers|initContainers|ephemeralContainers)\{([^}]+)\}$/.exec(
    fieldPath ?? '',
  );
  return match?.[1];
}
