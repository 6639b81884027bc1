import { existsSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { run } from '../base/run.ts';
import { waitFor } from '../base/wait.ts';
import {
  apiServerUrl,
  apiServiceAddress,
  controlPlaneAddress,
  labName,
  netnsPath,
} from '../layout.ts';
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
  const addresses = [controlPlaneAddress];
  for (let number = 1; number <= nodeCount; number++) addresses.push(nodeAddress(number));
  await makeNamespace([
    ...addresses.map((address) => `addr add ${address}/32 dev lo`),
    'route add default dev lo',
  ]);
}

/** The same for a node that runs in the virtual machine, which is plugged into this device. */
export async function makeNetworkWithTap(): Promise<void> {
  await makeNamespace([
    `addr add ${controlPlaneAddress}/32 dev lo`,
    `tuntap add dev ${tapDevice} mode tap`,
    `link set ${tapDevice} up`,
    `route add ${nodeAddress(1)}/32 dev ${tapDevice} src ${controlPlaneAddress}`,
  ]);
}

/** And the other end of it, inside the virtual machine. */
export async function joinNetworkFromVm(): Promise<void> {
  await run('modprobe', ['virtio_net']);
  const device = await waitFor('the network device of the virtual machine', () =>
    readdirSync('/sys/class/net').find((name) => existsSync(`/sys/class/net/${name}/device`)),
  );
  await run('ip', ['netns', 'add', labName]);
  await run('ip', ['link', 'set', device, 'netns', labName]);
  await configure([
    'link set lo up',
    `link set ${device} up`,
    `addr add ${nodeAddress(1)}/32 dev ${device}`,
    `route add ${controlPlaneAddress}/32 dev ${device}`,
    `route add default via ${controlPlaneAddress} dev ${device}`,
  ]);
}

/**
 * What kube-proxy would do, for the one service that every pod uses: the API server answers at its
 * ClusterIP. The rules are in the lab's own network namespace and end with it.
 */
export async function makeApiService(): Promise<void> {
  const to = new URL(apiServerUrl).host;
  for (const chain of ['PREROUTING', 'OUTPUT']) {
    await inLab('iptables', [
      ...['--wait', '--table', 'nat', '--append', chain, '--protocol', 'tcp'],
      ...['--destination', apiServiceAddress, '--dport', '443', '--jump', 'DNAT'],
      ...['--to-destination', to],
    ]);
  }
}

export const tapDevice = 'labvm';

async function makeNamespace(commands: readonly string[]): Promise<void> {
  await run('ip', ['netns', 'add', labName]);
  await configure(['link set lo up', ...commands]);
}

async function configure(commands: readonly string[]): Promise<void> {
  await inLab('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` });
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
