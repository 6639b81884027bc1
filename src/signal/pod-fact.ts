/** What Stillpoint keeps of a pod: plain data, made from the API's object by sources/pods. */
export interface PodFact {
  namespace: string;
  name: string;
  /** metadata.uid. For a static pod the kubelet and the runtime use `staticUid` instead. */
  uid: string;
  /** Annotation kubernetes.io/config.mirror or config.hash: the uid in cgroups and CRI labels. */
  staticUid?: string;
  /** True for the mirror of a static pod (annotation kubernetes.io/config.mirror). */
  isStatic: boolean;
  nodeName: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** The controlling owner as the pod names it (a ReplicaSet, not its Deployment). */
  owner?: Owner;
  /**
   * Who stands behind `owner`: the Deployment of a ReplicaSet, the CronJob of a Job, else the owner
   * itself; a pod without one is its own (`Pod`). Absent while it is not known: never guessed.
   */
  topOwner?: Owner;
  phase: string;
  /** When metadata.deletionTimestamp is set: the moment after which SIGKILL comes. */
  deletingAtMs?: number;
  /** Reason of the condition DisruptionTarget while it is True: `EvictionByEvictionAPI`, … */
  disruptionReason?: string;
  terminationGraceMs: number;
  hostNetwork: boolean;
  /** spec.priority, which admission fills in; absent counts as 0. */
  priority?: number;
  /** What the scheduler and the kubelet take for its memory request; absent = none. */
  memoryRequestBytes?: number;
  containers: readonly ContainerFact[];
}

/** An object that owns pods; in the namespace of its pods. */
export interface Owner {
  kind: string;
  name: string;
}

export type ContainerType = 'app' | 'init' | 'sidecar' | 'ephemeral';

export interface ContainerFact {
  name: string;
  type: ContainerType;
  image: string;
  /** status.imageID. */
  imageId: string;
  /** 64 hex digits; absent while no container exists. */
  containerId?: string;
  state: ContainerState;
  restartCount: number;
  /** status.lastState.terminated: how the life before this one ended. */
  lastEnd?: ContainerEnd;
  /** The effective limit (status.resources before spec.resources); absent = none. */
  memoryLimitBytes?: number;
  probes: readonly ProbeFact[];
}

export type ContainerState =
  | { kind: 'waiting'; reason: string; message: string }
  | { kind: 'running'; startedAtMs: number }
  | { kind: 'terminated'; end: ContainerEnd };

export interface ContainerEnd {
  reason: string;
  exitCode: number;
  signal?: number;
  finishedAtMs: number;
  containerId?: string;
}

/** A probe with its defaults filled in (period 10 s, timeout 1 s, threshold 3). */
export interface ProbeFact {
  type: 'liveness' | 'readiness' | 'startup';
  handler: 'exec' | 'httpGet' | 'tcpSocket' | 'grpc';
  periodMs: number;
  timeoutMs: number;
  failureThreshold: number;
}

/** The container of that name, of any type. */
export function findContainer(pod: PodFact, name: string): ContainerFact | undefined {
  return pod.containers.find((container) => container.name === name);
}

/** True while the container's process is there to be checkpointed. */
export function isRunning(container: ContainerFact): boolean {
  return container.state.kind === 'running' && container.containerId !== undefined;
}
