import type { CgroupTree } from '../cgroups/index.ts';
import {
  criAnnotations,
  criLabels,
  imageIdOf,
  type Life,
  type LifeEnd,
  lifeOf,
  ociSpec,
  type PodLogs,
  type SimContainer,
  type SimPod,
} from '../model/index.ts';
import type { SimSettings } from '../options.ts';

/** runtime.v1.ContainerState. */
const STATE = { running: 1, exited: 2 } as const;

/** A container as the runtime knows it: the life that runs, or the last that ended. */
export interface Incarnation {
  pod: SimPod;
  container: SimContainer;
  containerId: string;
  attempt: number;
  createdMs: number;
  startedMs: number;
  life?: Life;
  end?: LifeEnd;
}

/** What the runtime lists of one container of a pod, newest first. */
export function incarnationsOf(pod: SimPod, container: SimContainer): Incarnation[] {
  const found: Incarnation[] = [];
  const life = lifeOf(container);
  if (life) {
    const { containerId, attempt, createdMs, startedMs } = life;
    found.push({ pod, container, containerId, attempt, createdMs, startedMs, life });
  }
  const end = container.state.kind === 'terminated' ? container.state.end : container.lastEnd;
  if (end) {
    const attempt = Math.max(0, life ? life.attempt - 1 : container.restartCount);
    const { containerId, startedMs } = end;
    found.push({ pod, container, containerId, attempt, createdMs: startedMs, startedMs, end });
  }
  return found;
}

/** Milliseconds to nanoseconds; exact to about 100 ns, the limit of a double. */
function nanoseconds(ms: number): number {
  return ms * 1_000_000;
}

/** runtime.v1.Container. */
export function criContainer(one: Incarnation) {
  const { pod, container } = one;
  return {
    id: one.containerId,
    pod_sandbox_id: pod.sandboxId,
    metadata: { name: container.spec.name, attempt: one.attempt },
    image: { image: container.spec.image },
    image_ref: imageIdOf(container.spec.image),
    state: one.life ? STATE.running : STATE.exited,
    created_at: nanoseconds(one.createdMs),
    labels: criLabels(pod, container),
    annotations: criAnnotations(pod, one.attempt),
  };
}

/** runtime.v1.ContainerStatus; as JSON it is also the member `status.dump`. */
export function criStatus(one: Incarnation, logs: PodLogs) {
  const { pod, container, end } = one;
  return {
    id: one.containerId,
    metadata: { name: container.spec.name, attempt: one.attempt },
    state: one.life ? STATE.running : STATE.exited,
    created_at: nanoseconds(one.createdMs),
    started_at: nanoseconds(one.startedMs),
    finished_at: end ? nanoseconds(end.finishedMs) : 0,
    exit_code: end?.exitCode ?? 0,
    image: { image: container.spec.image },
    image_ref: imageIdOf(container.spec.image),
    reason: end?.reason ?? '',
    message: '',
    labels: criLabels(pod, container),
    annotations: criAnnotations(pod, one.attempt),
    log_path: logs.path(pod, container, one.attempt),
    resources: { linux: { memory_limit_in_bytes: container.spec.memoryLimitBytes ?? 0 } },
  };
}

/** What the verbose status tells besides; each runtime chooses its own shape. */
export function criInfo(
  { pod, container, containerId, life }: Incarnation,
  node: {
    cgroups: CgroupTree;
    cgroupDriver: SimSettings['cgroupDriver'];
    runtime: SimSettings['runtime'];
    snapshotter: string;
  },
) {
  const common = {
    sandboxID: pod.sandboxId,
    pid: life?.pid ?? 0,
    runtimeSpec: life && ociSpec(pod, container, node.cgroups.cgroupsPath(pod, life)),
  };
  if (node.runtime.name !== 'containerd') return { ...common, privileged: false };
  return {
    ...common,
    removing: false,
    snapshotKey: containerId,
    snapshotter: node.snapshotter,
    runtimeType: pod.runtimeType,
    // As Go writes runc's options: what is not set is left out.
    runtimeOptions: node.cgroupDriver === 'systemd' ? { systemd_cgroup: true } : {},
  };
}
