import type { Decision } from '../rules/index.ts';
import type { ReasonCode, Target } from '../signal/index.ts';
import { observedMessage, outcomeMessage, targetOf } from './outcome-text.ts';
import type { TriggerOutcome } from './output.ts';

/** The API server refuses longer ones (`message` of core/v1 Event); in bytes. */
const MESSAGE_BYTES_MAX = 1_024;

/** What one Event says; repeats with the same `key` become one object with a count. */
export interface EventFacts {
  key: string;
  target: Target;
  reason: 'CheckpointCreated' | 'CheckpointFailed' | 'CheckpointSkipped';
  type: 'Normal' | 'Warning';
  message: string;
}

/** A core/v1 Event as it is sent. */
export interface KubeEvent {
  apiVersion: 'v1';
  kind: 'Event';
  metadata: { name: string; namespace: string };
  involvedObject: Record<string, string>;
  reason: string;
  type: string;
  message: string;
  source: { component: string; host: string };
  /** The JSON name of core/v1 for what events.k8s.io calls reportingController. */
  reportingComponent: string;
  reportingInstance: string;
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

/** Refusals that a person has to do something about; the others are limits that did their work. */
const NEEDS_A_PERSON: ReadonlySet<ReasonCode> = new Set([
  'disk-low',
  'frozen-already',
  'no-backend',
  'not-writable',
  'uncapturable',
]);

/** The Event for an outcome; undefined when there is no pod to hang it on. */
export function eventFactsOf(outcome: TriggerOutcome): EventFacts | undefined {
  const target = targetOf(outcome);
  if (target === undefined) return undefined;
  const message = outcomeMessage(outcome);
  const make = (reason: EventFacts['reason'], type: EventFacts['type'], what: string) =>
    factsOf(target, reason, type, { what, message });
  switch (outcome.kind) {
    case 'archived':
      return make('CheckpointCreated', 'Normal', outcome.record.archive);
    case 'broken':
      return make('CheckpointFailed', 'Warning', 'archive-broken');
    case 'failed':
      return make('CheckpointFailed', 'Warning', outcome.failure);
    case 'refused':
    case 'not-accepted': {
      const type = NEEDS_A_PERSON.has(outcome.reason) ? 'Warning' : 'Normal';
      return make('CheckpointSkipped', type, outcome.reason);
    }
  }
}

/** The Event for a decision that would have been a capture; undefined for any other. */
export function observedEventOf(decision: Decision): EventFacts | undefined {
  const { reason, target, rule } = decision;
  if (reason !== 'observed' || target === undefined) return undefined;
  const message = observedMessage(decision);
  return factsOf(target, 'CheckpointSkipped', 'Normal', { what: `observed ${rule}`, message });
}

function factsOf(
  target: Target,
  reason: EventFacts['reason'],
  type: EventFacts['type'],
  { what, message }: { what: string; message: string },
): EventFacts {
  const key = [target.namespace, target.pod, target.podUid, target.container, reason, what];
  return {
    key: key.join(' '),
    target,
    reason,
    type,
    message: cutToBytes(message, MESSAGE_BYTES_MAX),
  };
}

/** The object for the API server. `firstMs` and `lastMs` are wall clock. */
export function kubeEventOf(
  facts: EventFacts,
  about: { name: string; node: string; firstMs: number; lastMs: number; count: number },
): KubeEvent {
  const { target } = facts;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: about.name, namespace: target.namespace },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: target.namespace,
      name: target.pod,
      uid: target.podUid,
      fieldPath: `spec.containers{${target.container}}`,
    },
    reason: facts.reason,
    type: facts.type,
    message: facts.message,
    source: { component: 'stillpoint', host: about.node },
    reportingComponent: 'stillpoint.dev/agent',
    reportingInstance: about.node.slice(0, 128),
    firstTimestamp: timestamp(about.firstMs),
    lastTimestamp: timestamp(about.lastMs),
    count: about.count,
  };
}

/** metav1.Time has whole seconds. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** At most `bytesMax` bytes of UTF-8, never half a character; a cut shows as `…`. */
export function cutToBytes(text: string, bytesMax: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength <= bytesMax) return text;
  const kept = new TextDecoder().decode(bytes.subarray(0, bytesMax - 3), { stream: true });
  return `${kept}…`;
}
