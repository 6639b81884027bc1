import { inLab } from '../cluster/index.ts';
import type { LabNode } from '../lab-info.ts';

/** Runs checkpointctl and returns what it printed. */
export async function checkpointctl(args: readonly string[]): Promise<string> {
  return (await inLab('checkpointctl', args)).stdout;
}

/** Runs containerd's own client on a node, in the namespace that Kubernetes uses. */
export async function ctr(node: LabNode, args: readonly string[]): Promise<string> {
  const client = ['--address', node.containerdSocket, '--namespace', 'k8s.io'];
  return (await inLab('ctr', [...client, ...args])).stdout;
}
