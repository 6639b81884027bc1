import { CANARY_POD_PREFIX } from '../../agent/index.ts';
import { type Clock, isStillpointError, type Random, StillpointError } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { CanaryTarget } from './canary-agent.ts';

export interface CanaryPodOptions {
  node: string;
  namespace: string;
  image: string;
  /** The image is that of Stillpoint, which has a command for it; any other runs its own. */
  isOurs: boolean;
}

const CONTAINER = 'canary';
/** Nobody needs it longer; it ends by itself where doctor was killed. */
const LIFE_SECONDS_MAX = 600;
const RUNNING_MS_MAX = 90_000;
const LOOK_EVERY_MS = 300;

/**
 * A pod that does nothing, on that node and on no other, with no right and no token. Opted in for
 * capture, so that a node on which only such pods are captured takes it too.
 */
export function canaryPod(name: string, options: CanaryPodOptions): object {
  const { node, namespace, image, isOurs } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'stillpoint-canary',
        'app.kubernetes.io/managed-by': 'stillpoint-doctor',
        'stillpoint.dev/enabled': 'true',
      },
    },
    spec: {
      nodeName: node,
      tolerations: [{ operator: 'Exists' }],
      restartPolicy: 'Never',
      activeDeadlineSeconds: LIFE_SECONDS_MAX,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      containers: [
        {
          name: CONTAINER,
          image,
          imagePullPolicy: 'IfNotPresent',
          ...(isOurs ? { args: ['canary'] } : {}),
          resources: { requests: { cpu: '1m', memory: '16Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            // It keeps io_uring from libuv, which opens one wherever it can; CRIU dumps none.
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
      ],
    },
  };
}

/**
 * Makes the pod, waits until it runs, hands it to `use`, and takes it away on every way out. Errors:
 * those of ApiClient.json (`forbidden` names the missing rule); `unsupported` when it cannot run,
 * with the kubelet's words; `timeout`; `cancelled`.
 */
export async function withCanaryPod<T>(
  tools: { api: ApiClient; clock: Clock; random: Random; signal: AbortSignal },
  options: CanaryPodOptions,
  use: (target: CanaryTarget) => Promise<T>,
): Promise<T> {
  const { api, random, signal } = tools;
  const name = `${CANARY_POD_PREFIX}${random.integer(0, 0xffffffff).toString(16).padStart(8, '0')}`;
  const { namespace } = options;
  const pods = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  signal.throwIfAborted();
  // Without the signal: a request that was given up may have made the pod all the same.
  await api.json({ method: 'POST', path: pods, body: canaryPod(name, options) });
  try {
    await untilRunning(tools, `${pods}/${name}`);
    return await use({ namespace, pod: name, container: CONTAINER });
  } finally {
    await removePod(api, `${pods}/${name}`);
  }
}

/** Without the signal: what was made is taken away whoever wants to stop. */
async function removePod(api: ApiClient, path: string): Promise<void> {
  try {
    await api.json({ method: 'DELETE', path: `${path}?gracePeriodSeconds=0` });
  } catch (error) {
    if (!isStillpointError(error, 'not-found')) throw error;
  }
}

async function untilRunning(
  { api, clock, signal }: { api: ApiClient; clock: Clock; signal: AbortSignal },
  path: string,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  while (true) {
    const state = judgePodState(await api.json<PodObject>({ method: 'GET', path }, signal));
    if (state.kind === 'running') return;
    if (state.kind === 'failed') {
      const message = `the canary pod cannot run: ${state.why}`;
      const hint = 'Name an image that this node has or can pull with --canary-image.';
      throw new StillpointError({ code: 'unsupported', message, hint });
    }
    if (clock.monotonicMs() - beganMs > RUNNING_MS_MAX) {
      const seconds = RUNNING_MS_MAX / 1_000;
      const message = `the canary pod did not run within ${seconds} s: ${state.why}`;
      const hint = 'See `kubectl get events`; does the kubelet of that node run?';
      throw new StillpointError({ code: 'timeout', message, hint });
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** What is looked at of a Pod object. */
export interface PodObject {
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    containerStatuses?: {
      state?: {
        running?: object;
        waiting?: { reason?: string; message?: string };
        terminated?: { reason?: string; exitCode?: number };
      };
    }[];
  };
}

/** Reasons of a waiting container that time does not cure. */
const HOPELESS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

export type PodState =
  | { kind: 'running' }
  | { kind: 'waiting'; why: string }
  | { kind: 'failed'; why: string };

export function judgePodState({ status }: PodObject): PodState {
  const { running, waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  if (running) return { kind: 'running' };
  if (terminated) {
    const code = terminated.exitCode ?? 'unknown';
    return { kind: 'failed', why: `it ended with ${code} (${terminated.reason ?? 'no reason'})` };
  }
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') {
    const words = [status.reason, status.message].filter((word) => word !== undefined);
    return { kind: 'failed', why: words.join(': ') || status.phase };
  }
  const why = [waiting?.reason, waiting?.message].filter((word) => word !== undefined).join(': ');
  const isHopeless = HOPELESS.has(waiting?.reason ?? '');
  return isHopeless ? { kind: 'failed', why } : { kind: 'waiting', why: why || 'not begun yet' };
}
