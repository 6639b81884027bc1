import { readFileSync } from 'node:fs';
import { silentLogger, systemClock } from '../../../src/base/index.ts';
import { createRuntimeClient, type RuntimeClient } from '../../../src/cri/index.ts';
import { createKubeletClient, type KubeletClient } from '../../../src/kube/index.ts';
import { type ContainerCgroup, createNodeProbe, type NodeProbe } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type LabNode, labInfo, nodeOf, type RunningContainer } from '../lib/index.ts';

/** Stillpoint's own clients on the first node of the lab. */
export interface LabClients {
  node: LabNode;
  runtime: RuntimeClient;
  kubelet: KubeletClient;
  probe: NodeProbe;
  close(): void;
}

export function openLabClients(): LabClients {
  const lab = labInfo();
  const node = nodeOf(lab);
  const runtime = createRuntimeClient({
    socket: node.containerdSocket,
    clock: systemClock,
    log: silentLogger,
  });
  const credentials = {
    headers: { Authorization: `Bearer ${lab.adminToken}` },
    tls: { ca: readFileSync(lab.caFile, 'utf8'), insecure: false },
  };
  const kubelet = createKubeletClient({
    identity: {
      server: lab.apiServer.url,
      source: 'kubeconfig',
      credentials: () => Promise.resolve(credentials),
    },
    nodeName: node.name,
    route: { via: 'direct', address: node.kubeletUrl, tls: {} },
    clock: systemClock,
  });
  return {
    node,
    runtime,
    kubelet,
    probe: createNodeProbe(),
    close() {
      runtime.close();
      kubelet.close();
    },
  };
}

export function targetOfPod({ pod, id, status }: RunningContainer): Target {
  return {
    namespace: pod.metadata.namespace,
    pod: pod.metadata.name,
    podUid: pod.metadata.uid,
    container: status.name,
    containerId: id,
  };
}

/** The cgroup of a container, as the guard finds it. */
export async function cgroupOf(clients: LabClients, id: string): Promise<ContainerCgroup> {
  const found = clients.probe.cgroups.locate(await clients.runtime.status(id));
  if (!found) throw new Error(`no cgroup of ${id}`);
  return found;
}
