import { existsSync, statSync, unlinkSync } from 'node:fs';
import { run } from '../base/run.ts';
import { controlPlaneAddress, labName, netnsPath } from '../layout.ts';
import { inLab } from './in-lab.ts';

export function nodeAddress(number: number): string {
  return `10.77.0.${number}`;
}

/**
 * One network namespace for the whole lab: fixed ports and addresses, and nothing outside can be
 * reached. The addresses are on its loopback device (a kernel need not have dummy devices), and a
 * default route is there because a kubelet looks for one.
 */
export async function makeNetwork(nodeCount: number): Promise<void> {
  await run('ip', ['netns', 'add', labName]);
  const addresses = [controlPlaneAddress];
  for (let number = 1; number <= nodeCount; number++) addresses.push(nodeAddress(number));
  const batch = [
    'link set lo up',
    ...addresses.map((address) => `addr add ${address}/32 dev lo`),
    'route add default dev lo',
  ];
  await inLab('ip', ['-batch', '-'], { input: `${batch.join('\n')}\n` });
}

export function netnsInode(): number | undefined {
  return existsSync(netnsPath) ? statSync(netnsPath).ino : undefined;
}

/** The namespace itself ends with its last process; this takes away its name. */
export async function removeNetwork(): Promise<void> {
  if (!existsSync(netnsPath)) return;
  await run('ip', ['netns', 'del', labName], { allowFailure: true });
  // After a crash the name may be a plain file, with no namespace mounted on it.
  if (existsSync(netnsPath)) unlinkSync(netnsPath);
}
