import { waitFor } from '../base/wait.ts';
import { workImage } from '../build/index.ts';
import { nodeOf, readLabInfo } from '../lab-info.ts';
import { apply, getObject, kubectl } from './kubectl.ts';

export interface WorkPod {
  name: string;
  namespace?: string;
  /** The lab has no scheduler unless it is full: a pod names its node, here the first by default. */
  node?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** The program and its arguments, such as ['hog', '50', '64', '0', '--gaps']. */
  command: readonly string[];
  /** Memory limit, such as '128Mi'; none by default. */
  memory?: string;
  /** Further fields of the container, such as a livenessProbe. */
  container?: object;
  /** Further fields of the pod's spec, such as restartPolicy. */
  spec?: object;
}

/** A pod with one container, named "work", of the lab's own image. */
export function workPod(pod: WorkPod): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace ?? 'default',
      labels: pod.labels,
      annotations: pod.annotations,
    },
    spec: {
      nodeName: nodeOf(readLabInfo(), pod.node).name,
      automountServiceAccountToken: false,
      // The programs do not listen to SIGTERM; nobody should wait 30 s for each deleted pod.
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'work',
          image: workImage,
          imagePullPolicy: 'Never',
          command: pod.command,
          ...(pod.memory === undefined ? {} : { resources: { limits: { memory: pod.memory } } }),
          ...pod.container,
        },
      ],
      ...pod.spec,
    },
  };
}

/** The part of a pod that tests look at. */
export interface PodStatus {
  metadata: { name: string; namespace: string; uid: string };
  spec: { nodeName: string };
  status: {
    phase: string;
    podIP?: string;
    containerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  /** The runtime's name, then "://", then the id. */
  containerID?: string;
  state: Record<string, { reason?: string; exitCode?: number; message?: string }>;
  lastState: Record<string, { reason?: string; exitCode?: number; message?: string }>;
}

export interface RunningContainer {
  pod: PodStatus;
  id: string;
  status: ContainerStatus;
}

/** Applies a pod and waits until its container (the first, or the named one) runs. */
export async function startPod(
  manifest: object | string,
  name: string,
  options: { namespace?: string; container?: string } = {},
): Promise<RunningContainer> {
  await apply(manifest);
  return awaitRunning(name, options);
}

export async function startWorkPod(pod: WorkPod): Promise<RunningContainer> {
  return startPod(workPod(pod), pod.name, { namespace: pod.namespace });
}

export function getPod(name: string, namespace = 'default'): Promise<PodStatus> {
  return getObject<PodStatus>(['pod', name, '-n', namespace]);
}

export async function awaitRunning(
  name: string,
  options: { namespace?: string; container?: string; timeoutMs?: number } = {},
): Promise<RunningContainer> {
  return waitFor(
    `a container of ${name} to run`,
    async () => {
      const pod = await getPod(name, options.namespace);
      const all = pod.status.containerStatuses ?? [];
      const status = all.find((each) => (options.container ?? each.name) === each.name);
      const id = status?.containerID?.split('://')[1];
      if (status?.state.running !== undefined && id !== undefined) return { pod, id, status };
      const state = JSON.stringify(status?.state ?? pod.status);
      throw new Error(`its state is ${state}`);
    },
    { timeoutMs: options.timeoutMs ?? 120_000, everyMs: 100 },
  );
}

export function podLogs(name: string, namespace = 'default'): Promise<string> {
  return kubectl(['logs', name, '-n', namespace]);
}

/** The Events of one pod, as a table; of that very one, not of an earlier pod of its name. */
export function podEvents(uid: string): Promise<string> {
  return kubectl(['get', 'events', '-A', `--field-selector=involvedObject.uid=${uid}`]);
}

/** Resolves with the pod's Events as soon as one with that reason is among them. */
export function awaitPodEvent(uid: string, reason: string): Promise<string> {
  return waitFor(`the Event ${reason}`, async () => {
    const events = await podEvents(uid);
    if (!events.includes(reason)) throw new Error(events);
    return events;
  });
}

/** Deletes a pod and waits until it is gone, without its grace period. */
export async function deletePod(name: string, namespace = 'default'): Promise<void> {
  const now = ['--grace-period=0', '--force', '--ignore-not-found'];
  await kubectl(['delete', 'pod', name, '-n', namespace, ...now]);
}

export interface Gap {
  ms: number;
  /** The wall clock, in Unix milliseconds, when it began. */
  atUnixMs: number;
}

/** The times a container stood still, from the log of a program that ran with --gaps. */
export function gapsIn(log: string): Gap[] {
  return [...log.matchAll(/^gap ([\d.]+) at ([\d.]+)$/gm)].map((match) => ({
    ms: Number(match[1]),
    atUnixMs: Number(match[2]),
  }));
}

/** The number of the last "tick N" line; undefined when there is none. */
export function lastTickIn(log: string): number | undefined {
  const last = [...log.matchAll(/^tick (\d+)$/gm)].at(-1);
  return last === undefined ? undefined : Number(last[1]);
}
