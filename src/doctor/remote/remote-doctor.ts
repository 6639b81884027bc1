import { type Clock, type Random, StillpointError } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { CanaryTarget } from '../canary/canary-agent.ts';
import { withCanaryPod } from '../canary/canary-pod.ts';
import { canaryLine, judgeCanaryTrouble } from '../canary/local-canary.ts';
import { type Answer, answerOf, failed } from '../check.ts';
import { judgeNode } from '../checks/node-object.ts';
import type { NodeObject } from '../outside.ts';
import { type DoctorReport, withLines } from '../report.ts';
import { type AgentPod, findAgentPods } from './agent-pods.ts';
import { execInPod, type KubectlOptions } from './kubectl.ts';
import { reportFrom } from './report-from.ts';

export interface RemoteOptions {
  /** As whoever runs this, outside of the cluster. */
  api: ApiClient;
  kubectl: KubectlOptions;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
  /** Where Stillpoint is installed. */
  namespace: string;
  version: string;
  /** Undefined: nothing is captured. `image`: default that of the agent. */
  canary?: { image?: string };
}

/** The agent's pods of one node or of all. Errors: `not-found` and those of the API server. */
export async function findNodes(
  { api, namespace }: Pick<RemoteOptions, 'api' | 'namespace'>,
  node: string | undefined,
): Promise<AgentPod[]> {
  const pods = await findAgentPods(api, namespace, node);
  if (pods.length > 0) return byNode(pods);
  const where = node === undefined ? '' : ` on node ${node}`;
  throw new StillpointError({
    code: 'not-found',
    message: `no agent's pod in namespace ${namespace}${where}`,
    hint: 'Is Stillpoint installed there (--namespace)? `kubectl get pods -A -o wide` shows it.',
  });
}

/** Of two pods on a node, as during a rollout, the one that runs. */
function byNode(pods: readonly AgentPod[]): AgentPod[] {
  const best = new Map<string, AgentPod>();
  for (const pod of pods) {
    if (!best.get(pod.node)?.isRunning) best.set(pod.node, pod);
  }
  return [...best.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
}

/**
 * Runs doctor inside of the agent's pod, so that it sees what the agent sees. Never rejects for one
 * of our errors: a node that cannot be looked at is a report that says why, with what is known of it.
 */
export async function doctorOnNode(pod: AgentPod, options: RemoteOptions): Promise<DoctorReport> {
  const { canary, version } = options;
  const report = canary ? await withCanary(pod, options, canary) : await look(pod, options);
  if (report.ok) return report.value;
  // What the API server knows of the node may tell why.
  const path = `/api/v1/nodes/${encodeURIComponent(pod.node)}`;
  const object = await answerOf(options.api.json<NodeObject>({ method: 'GET', path }));
  const found = judgeNode({ node: pod.node, object });
  const lines = [
    { check: 'pod', ...failed(report.error) },
    ...found.map((finding) => ({ check: 'node', ...finding })),
  ];
  return { node: pod.node, version, lines };
}

/** As many kubectl at once as a workstation and an API server bear. */
const AT_ONCE_MAX = 8;

/** doctorOnNode for each, some at a time; the reports come in the order of the pods. */
export async function doctorOnNodes(
  pods: readonly AgentPod[],
  options: RemoteOptions,
): Promise<DoctorReport[]> {
  const reports = new Map<AgentPod, DoctorReport>();
  const waiting = [...pods];
  const work = async () => {
    for (let pod = waiting.shift(); pod; pod = waiting.shift()) {
      reports.set(pod, await doctorOnNode(pod, options));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE_MAX }, work));
  return pods.flatMap((pod) => reports.get(pod) ?? []);
}

async function withCanary(
  pod: AgentPod,
  options: RemoteOptions,
  { image }: { image?: string },
): Promise<Answer<DoctorReport>> {
  const { node, namespace } = pod;
  const made = { node, namespace, image: image ?? pod.image, isOurs: image === undefined };
  let seen: Answer<DoctorReport> | undefined;
  const done = await answerOf(
    withCanaryPod(options, made, async (target) => {
      seen = await look(pod, options, target);
    }),
  );
  if (done.ok && seen) return seen;
  // Without a canary the rest is still worth being told.
  const rest = seen ?? (await look(pod, options));
  if (done.ok || !rest.ok) return rest;
  const line = canaryLine(judgeCanaryTrouble(done.error, true));
  return { ok: true, value: withLines(rest.value, [line]) };
}

function look(
  pod: AgentPod,
  { kubectl, signal }: RemoteOptions,
  canary?: CanaryTarget,
): Promise<Answer<DoctorReport>> {
  const target = canary && `${canary.namespace}/${canary.pod}/${canary.container}`;
  const command = [
    ...['stillpoint', 'doctor', '--output', 'json'],
    ...(target === undefined ? [] : ['--canary-pod', target]),
  ];
  return answerOf(
    execInPod(pod, command, kubectl, signal).then((result) =>
      reportFrom(result, `${pod.namespace}/${pod.name}`),
    ),
  );
}
