import type { PodFact, ProbeFact } from './pod-fact.ts';
import type { Target } from './target.ts';

/** What every signal carries. */
interface SignalBase {
  /** When it happened in the world, wall clock, ms. */
  occurredMs: number;
  /** When a source of ours saw it, wall clock, ms. */
  seenMs: number;
}

/** A pod of this node appeared or changed. The rules core compares it with what it knew. */
export interface PodChangedSignal extends SignalBase {
  kind: 'podChanged';
  pod: PodFact;
  /** True when it comes from a first list: its history is not news and fires nothing. */
  initial: boolean;
}

export interface PodGoneSignal extends SignalBase {
  kind: 'podGone';
  namespace: string;
  name: string;
  uid: string;
}

/** A Kubernetes Event about a pod, as the growth of its count: repeats update one object. */
export interface EventSignal extends SignalBase {
  kind: 'event';
  namespace: string;
  pod: string;
  /** involvedObject.uid; for a static pod the config hash. */
  podUid: string;
  /** From involvedObject.fieldPath, `spec.containers{app}`; absent on pod-level Events. */
  container?: string;
  reason: string;
  type: 'Normal' | 'Warning' | (string & {});
  message: string;
  /** Who recorded it: source.component, else reportingComponent; absent where neither is given. */
  component?: string;
  /** How many occurrences are new; at least 1, more when the recorder dropped updates. */
  countDelta: number;
  /** The Event object's name, so that a record can cite it. */
  eventName: string;
}

/** Memory of one container at one moment; `levels` are the cgroups that bound it. */
export interface MemorySignal extends SignalBase {
  kind: 'memory';
  target: Target;
  levels: readonly MemoryLevel[];
  /** The largest used/limit of all levels, 0..1 and above. */
  usedRatio: number;
  /** Growth of the non-reclaimable use over the last samples; negative when it shrinks. */
  growthBytesPerSecond: number;
  /** Time until the tightest level is full at this growth; absent when it does not grow. */
  fullInMs?: number;
}

/** One cgroup with a limit: the container's own, the pod's, or one above. */
export interface MemoryLevel {
  level: 'container' | 'pod' | 'ancestor';
  /** Use that the kernel cannot drop: usage minus inactive file pages. */
  usedBytes: number;
  limitBytes: number;
}

/**
 * Memory of the whole node at one moment, as the kubelet's signal `memory.available` counts it:
 * capacity less the working set of the root cgroup.
 */
export interface NodeMemorySignal extends SignalBase {
  kind: 'nodeMemory';
  availableBytes: number;
  capacityBytes: number;
  /** Of the watched pods; empty while a rule has no need of them. */
  pods: readonly PodMemory[];
}

/** Working sets: usage minus inactive file pages, as the kubelet ranks by them. */
export interface PodMemory {
  podUid: string;
  /** Of the whole pod, also of containers that are not named. */
  usedBytes: number;
  containers: readonly { container: string; containerId: string; usedBytes: number }[];
}

/** What the kubelet counted of one probe of one container since the last look. */
export interface ProbeSignal extends SignalBase {
  kind: 'probe';
  target: Target;
  type: ProbeFact['type'];
  failures: number;
  successes: number;
}

/** A scalar of an alert's payload. */
export type AlertValue = string | number | boolean | null;

/** Who writes alerts like this: named by the door that they come through, never guessed. */
export type AlertShape = 'falco' | 'alertmanager' | 'cloudevents' | `json/${string}`;

/** An alert from outside. Its target is resolved by the rules core against the known pods. */
export interface AlertSignal extends SignalBase {
  kind: 'alert';
  shape: AlertShape;
  /** `nats` or `webhook`: the door it came through. */
  door: 'nats' | 'webhook';
  /** The sender's own id of it, or a hash of its body: equal for copies of one alert. */
  alertId: string;
  /**
   * Flattened payload: `rule`, `priority`, `output_fields.container.id`, … What every shape has
   * stands in the fields of `alertFields`.
   */
  fields: Readonly<Record<string, AlertValue>>;
  hints: AlertTargetHints;
}

/** What an alert says about its target; anything may be missing or null (k8s.ns.name often is). */
export interface AlertTargetHints {
  /** At least 12 hex digits. */
  containerIdPrefix?: string;
  /** metadata.uid of the pod; for a static pod it may be the kubelet's. */
  podUid?: string;
  namespace?: string;
  pod?: string;
  container?: string;
  /** The node that the alert comes from, when it says so. */
  node?: string;
}

/** A schedule rule's time has come. */
export interface TickSignal extends SignalBase {
  kind: 'tick';
  rule: string;
  scheduledMs: number;
}

/** A person asks for a capture now (CLI). */
export interface RequestSignal extends SignalBase {
  kind: 'request';
  requestId: string;
  namespace: string;
  pod: string;
  /** Left out: the pod's only app container; more than one is `target-ambiguous`. */
  container?: string;
  via: BackendChoice;
  /** Who asked, as far as it is known: `cli uid 0`. */
  by: string;
  /** Captures also where the agent only observes: the person has said so. */
  evenInObserve?: boolean;
}

/** The time that a decision's `wakeAt` named has come; carries nothing. */
export interface WakeSignal extends SignalBase {
  kind: 'wake';
}

/** How a checkpoint is asked for. `auto` takes the best that is there. */
export type BackendName = 'containerd' | 'cri' | 'kubelet';
export type BackendChoice = BackendName | 'auto';

/** One normalised fact from a source: the currency of the street. */
export type Signal =
  | PodChangedSignal
  | PodGoneSignal
  | EventSignal
  | MemorySignal
  | NodeMemorySignal
  | ProbeSignal
  | AlertSignal
  | TickSignal
  | RequestSignal
  | WakeSignal;

export type SignalKind = Signal['kind'];
