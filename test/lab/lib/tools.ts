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

/** The first process of a running container, as the node sees it. */
export async function containerPid(node: LabNode, id: string): Promise<number> {
  const found = (await ctr(node, ['tasks', 'ls'])).match(new RegExp(`^${id}\\s+(\\d+)`, 'm'));
  if (found === null) throw new Error(`${node.name} runs no container ${id}`);
  return Number(found[1]);
}
