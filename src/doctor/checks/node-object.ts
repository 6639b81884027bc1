import { type Answer, answerOf, defineCheck, failed } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { NodeObject } from '../outside.ts';

export interface NodeFacts {
  node: string;
  object: Answer<NodeObject>;
}

/** Whether the cluster has a node of the name that we go by: a wrong name looks like a calm node. */
export const nodeCheck = defineCheck(
  'node',
  async ({ config, nodeObject }): Promise<NodeFacts> => ({
    node: config.node,
    object: await answerOf(nodeObject()),
  }),
  judgeNode,
);

export function judgeNode({ node, object }: NodeFacts): Finding[] {
  if (object.ok) {
    const bad = judgeConditions(node, object.value);
    if (bad.length > 0) return bad;
    const { kubeletVersion, containerRuntimeVersion, osImage } =
      object.value.status?.nodeInfo ?? {};
    const parts = [`kubelet ${kubeletVersion ?? 'unknown'}`, containerRuntimeVersion, osImage];
    const known = parts.filter((part) => part !== undefined && part !== '');
    return [ok(`${node}: ${known.join(', ')}`)];
  }
  const { code, message } = object.error;
  if (code === 'not-found') {
    const next = 'Set `node` in stillpoint.yaml or $NODE_NAME as `kubectl get nodes` names it.';
    return [fail('node-unknown', `the cluster has no node ${node}`, next)];
  }
  if (code === 'forbidden') return [failed(object.error)];
  return [skipped('not-asked', `the API server gave no answer: ${message}`)];
}

/** The node's own troubles, as the kubelet tells them, or as others tell of a silent one. */
function judgeConditions(node: string, { status }: NodeObject): Finding[] {
  return (status?.conditions ?? []).flatMap(({ type = '', status: state, reason, message }) => {
    const words = [reason, message].filter((word) => word).join(': ');
    if (type === 'Ready' && state !== 'True') {
      const next = 'See the log of the kubelet on the node, and whether its runtime runs.';
      return [warn('not-ready', `${node} is not ready: ${words}`, next)];
    }
    if (!type.endsWith('Pressure') || state !== 'True') return [];
    const next = 'Free what is short: the kubelet evicts pods meanwhile, with their containers.';
    return [warn('pressure', `${node} has ${type}: ${words}`, next)];
  });
}
