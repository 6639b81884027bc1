import net from 'node:net';
import { waitFor } from '../base/wait.ts';
import type { LabInfo, LabNode } from '../lab-info.ts';
import { assertDaemonAlive } from './daemons.ts';
import { inLab } from './in-lab.ts';

/** In the emulated virtual machine everything takes ten times as long as on the machine itself. */
const timeoutMs = 180_000;

/** Waits for a server on a unix socket; these are not bound to a network namespace. */
export async function waitForSocket(daemon: string, socketPath: string): Promise<void> {
  await waitFor(
    `${daemon} at ${socketPath}`,
    async () => {
      assertDaemonAlive(daemon);
      return connects(socketPath);
    },
    { timeoutMs, everyMs: 20 },
  );
}

function connects(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

export async function waitForApiServer(lab: LabInfo): Promise<void> {
  await waitFor(
    'the API server',
    async () => {
      assertDaemonAlive('apiserver');
      assertDaemonAlive('etcd');
      return (await apiGet(lab, '/readyz')) === 'ok';
    },
    { timeoutMs },
  );
}

/** Any answer of the monitoring port will do: the client port opens before it. */
export async function waitForNats(lab: LabInfo): Promise<void> {
  await waitFor(
    'nats-server',
    async () => {
      assertDaemonAlive('nats');
      await inLab('curl', ['-sf', '--max-time', '2', `${lab.nats.monitorUrl}/healthz`]);
      return true;
    },
    { timeoutMs },
  );
}

interface NodeStatus {
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/**
 * Waits until the kubelet itself answers, and the API server calls its node Ready. After a restart
 * the latter alone may still be the word of the kubelet before.
 */
export async function waitForNode(lab: LabInfo, node: LabNode): Promise<void> {
  await waitFor(
    `${node.name} to be Ready`,
    async () => {
      assertDaemonAlive(`kubelet-${node.name}`);
      assertDaemonAlive(`containerd-${node.name}`);
      if (!(await kubeletAnswers(lab, node))) throw new Error('the kubelet does not answer');
      const answer: NodeStatus = JSON.parse(await apiGet(lab, `/api/v1/nodes/${node.name}`));
      const ready = answer.status?.conditions?.find((each) => each.type === 'Ready');
      if (ready?.status === 'True') return true;
      throw new Error(ready?.message ?? 'the kubelet has not registered yet');
    },
    { timeoutMs },
  );
}

async function kubeletAnswers(lab: LabInfo, node: LabNode): Promise<boolean> {
  // Only whether it is there is asked, so its certificate does not matter.
  const curl = ['-sk', '--max-time', '2', '-H', `Authorization: Bearer ${lab.adminToken}`];
  const url = `${node.kubeletUrl}/healthz`;
  return (await inLab('curl', [...curl, url], { allowFailure: true })).stdout === 'ok';
}

/**
 * Asks the API server by curl, since this process may be outside the lab's network namespace. An
 * empty text means that it did not answer.
 */
export async function apiGet(lab: LabInfo, path: string): Promise<string> {
  const answer = await inLab(
    'curl',
    [
      ...['-s', '--max-time', '10', '--cacert', lab.caFile],
      ...['-H', `Authorization: Bearer ${lab.adminToken}`, `${lab.apiServer.url}${path}`],
    ],
    { allowFailure: true },
  );
  return answer.stdout;
}
