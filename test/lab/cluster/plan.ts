import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { run } from '../base/run.ts';
import type { LabInfo, LabNode } from '../lab-info.ts';
import {
  apiServerUrl,
  binDir,
  etcdUrl,
  home,
  labName,
  natsMonitorUrl,
  natsUrl,
  netnsPath,
  runDir,
} from '../layout.ts';
import { versions } from '../versions.ts';
import { caCert, keyPair } from './certificates.ts';
import { cgroupVersion, nodeCgroup } from './cgroups.ts';
import { nodeAddress } from './network.ts';
import type { UpOptions } from './options.ts';
import { processId } from './processes.ts';

/** Works out where everything of the lab will be, before any of it is started. */
export async function planLab(options: UpOptions): Promise<LabInfo> {
  const criu = await run(path.join(binDir, 'criu'), ['--version']);
  return {
    name: labName,
    home,
    runDir,
    binDir,
    startedAt: new Date().toISOString(),
    owner: options.diesWithThisProcess ? processId(process.pid) : undefined,
    versions: { ...versions, criu: criu.stdout.match(/Version: (\S+)/)?.[1] ?? 'unknown' },
    netns: { path: netnsPath, enter: `nsenter --net=${netnsPath}` },
    cgroup: { version: cgroupVersion(), driver: options.cgroupDriver },
    kubeconfig: path.join(runDir, 'admin.kubeconfig'),
    caFile: caCert,
    adminToken: randomBytes(16).toString('hex'),
    apiServer: { url: apiServerUrl, log: path.join(runDir, 'apiserver.log') },
    etcd: { url: etcdUrl, log: path.join(runDir, 'etcd.log') },
    nats: {
      url: natsUrl,
      monitorUrl: natsMonitorUrl,
      storeDir: path.join(runDir, 'nats'),
      log: path.join(runDir, 'nats.log'),
    },
    full: options.full,
    kubeletCert: options.kubeletCert,
    featureGates: options.featureGates,
    nodes: Array.from({ length: options.nodes }, (_, index) => planNode(index + 1, options)),
  };
}

function planNode(number: number, options: UpOptions): LabNode {
  const name = `node${number}`;
  const address = nodeAddress(number);
  const inNode = (file: string) => path.join(runDir, name, file);
  const systemd = options.cgroupDriver === 'systemd';
  return {
    name,
    address,
    kubeletUrl: `https://${address}:10250`,
    kubeconfig: inNode('kubeconfig'),
    kubeletConfig: inNode('kubelet.json'),
    kubeletRoot: inNode('kubelet'),
    checkpointsDir: inNode('kubelet/checkpoints'),
    podsApiSocket: inNode('kubelet/pods-api/pods-api.sock'),
    podLogsDir: inNode('pod-logs'),
    kubeletCertFile:
      options.kubeletCert === 'ca' ? keyPair(name).cert : inNode('kubelet/pki/kubelet.crt'),
    containerdSocket: inNode('containerd.sock'),
    containerdConfig: inNode('containerd.toml'),
    containerdRoot: inNode('containerd'),
    containerdState: inNode('state'),
    containerdTmp: inNode('tmp'),
    runcRoot: inNode('runc'),
    cgroupRoot: systemd ? '/' : nodeCgroup(name),
    logs: { kubelet: inNode('kubelet.log'), containerd: inNode('containerd.log') },
  };
}
