/** What a simulated pod is made of, and where it stands. */

export interface SimProbe {
  handler: 'exec' | 'httpGet' | 'tcpSocket';
  periodMs: number;
  failureThreshold: number;
}

export interface SimContainerSpec {
  name: string;
  /** Default `docker.io/library/busybox:1.37`. */
  image?: string;
  /** Absent: no limit. */
  memoryLimitBytes?: number;
  /** What it uses from the start; default 8 MiB. */
  memoryBytes?: number;
  /** Default `/bin/app`, `--serve`. */
  command?: readonly string[];
  env?: Readonly<Record<string, string>>;
  liveness?: SimProbe;
}

export interface SimPodSpec {
  /** Default `default`. */
  namespace?: string;
  name: string;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  /** A Deployment gets a ReplicaSet between itself and the pod. */
  owner?: { kind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job'; name: string };
  containers: readonly SimContainerSpec[];
  restartPolicy?: 'Always' | 'OnFailure' | 'Never';
  /** Default 30 s. */
  terminationGraceMs?: number;
  hostNetwork?: boolean;
  /** The shim of its runtime class, `io.containerd.kata.v2`; default runc's. */
  runtimeType?: string;
  /** The mirror of a static pod: cgroups and runtime use a uid of their own. */
  isStatic?: boolean;
}

/** How a container behaves from now on; changed by scenarios, kept over restarts. */
export interface Behaviour {
  growthBytesPerSecond: number;
  /** It exits by itself after running for so long. */
  exit?: { afterMs: number; code: number };
  livenessFails: boolean;
}

/** How a life ended. */
export interface LifeEnd {
  containerId: string;
  reason: string;
  exitCode: number;
  startedMs: number;
  finishedMs: number;
}

/** One life of a container: from its start to its end. */
export interface Life {
  containerId: string;
  /** Above any pid that Linux gives, so that it can never name a real process. */
  pid: number;
  attempt: number;
  createdMs: number;
  startedMs: number;
  /** What the kernel cannot drop. */
  usedBytes: number;
  /** Page cache: charged, but dropped when memory is short. */
  cacheBytes: number;
  /** How long it has really run: frozen time does not count. */
  ranMs: number;
  /** The runtime's word for it; the kernel knows nothing of this. */
  shimPaused: boolean;
  /** The freezer's state. */
  cgroupFrozen: boolean;
  /** CRIU holds it by ptrace: it stands still with the freezer thawed. */
  traced: boolean;
  /** When it last came to stand still, monotonic. */
  stillSinceMs?: number;
  checkpointing: boolean;
  /** Liveness probe: failures in a row, and when the next is due, monotonic. */
  probeFailures: number;
  nextProbeMs: number;
}

export type SimContainerState =
  | { kind: 'waiting'; reason: string; message: string }
  | { kind: 'running'; life: Life }
  | { kind: 'terminated'; end: LifeEnd };

export interface SimContainer {
  spec: SimContainerSpec & { image: string; memoryBytes: number; command: readonly string[] };
  behaviour: Behaviour;
  state: SimContainerState;
  restartCount: number;
  lastEnd?: LifeEnd;
  /** Results of the liveness probe over all lives, as the kubelet counts them. */
  probeResults: { failed: number; successful: number };
  /** Back-off before the next restart; 0 = the first restart is at once. */
  backOffMs: number;
}

export interface SimPod {
  namespace: string;
  name: string;
  uid: string;
  /** What cgroups and the runtime call it: the uid, but for static pods. */
  runtimeUid: string;
  sandboxId: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  owner?: { kind: string; name: string; uid: string; apiVersion: string };
  restartPolicy: 'Always' | 'OnFailure' | 'Never';
  terminationGraceMs: number;
  hostNetwork: boolean;
  runtimeType: string;
  createdMs: number;
  ip: string;
  containers: SimContainer[];
  deletion?: { atMs: number };
}

/** The running life of a container. */
export function lifeOf(container: SimContainer): Life | undefined {
  return container.state.kind === 'running' ? container.state.life : undefined;
}

/** True while nothing in it moves. */
export function standsStill(life: Life): boolean {
  return life.cgroupFrozen || life.traced;
}

/** Kubernetes' quality of service class, by limits alone: the sim has no CPU requests. */
export function qosOf(pod: SimPod): 'Burstable' | 'BestEffort' {
  const limited = pod.containers.some(({ spec }) => spec.memoryLimitBytes !== undefined);
  return limited ? 'Burstable' : 'BestEffort';
}

/** Sum of the limits when every container has one, as the kubelet limits the pod's cgroup. */
export function podLimitBytes(pod: SimPod): number | undefined {
  let sum = 0;
  for (const { spec } of pod.containers) {
    if (spec.memoryLimitBytes === undefined) return undefined;
    sum += spec.memoryLimitBytes;
  }
  return sum;
}

/** What the pause process of a sandbox uses. */
export const SANDBOX_BYTES = 200 * 1024;

export function podUsedBytes(pod: SimPod): number {
  return pod.containers.reduce((sum, one) => sum + (lifeOf(one)?.usedBytes ?? 0), SANDBOX_BYTES);
}

export function podCacheBytes(pod: SimPod): number {
  return pod.containers.reduce((sum, one) => sum + (lifeOf(one)?.cacheBytes ?? 0), 0);
}
