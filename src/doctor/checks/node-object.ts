import { type Answer, answerOf, defineCheck, failed } from '../check.ts';
import { type Finding, fail, ok, skipped } from '../line.ts';
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
