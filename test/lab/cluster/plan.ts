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
    ownPaths: options.ownPaths,
    kubeletCert: options.kubeletCert,
    featureGates: options.featureGates,
    nodes: Array.from({ length: options.nodes }, (_, index) => planNode(index + 1, options)),
  };
}

function planNode(number: number, options: UpOptions): LabNode {
  const name = `node${number}`;
  const address = nodeAddress(number);
  const inNode = (file: string) => path.join(runDir, name, file);
  const paths = options.ownPaths ? standardPaths(inNode('root')) : flatPaths(inNode);
  const systemd = options.cgroupDriver === 'systemd';
  return {
    name,
    address,
    kubeletUrl: `https://${address}:10250`,
    kubeconfig: inNode('kubeconfig'),
    kubeletConfig: inNode('kubelet.json'),
    checkpointsDir: path.join(paths.kubeletRoot, 'checkpoints'),
    podsApiSocket: path.join(paths.kubeletRoot, 'pods-api/pods-api.sock'),
    kubeletCertFile:
      options.kubeletCert === 'ca'
        ? keyPair(name).cert
        : path.join(paths.kubeletRoot, 'pki/kubelet.crt'),
    containerdConfig: inNode('containerd.toml'),
    ...paths,
    cgroupRoot: systemd ? '/' : nodeCgroup(name),
    logs: { kubelet: inNode('kubelet.log'), containerd: inNode('containerd.log') },
  };
}

type NodePaths = Pick<
  LabNode,
  | 'rootDir'
  | 'kubeletRoot'
  | 'podLogsDir'
  | 'containerdSocket'
  | 'containerdRoot'
  | 'containerdState'
  | 'containerdTmp'
  | 'runcRoot'
>;

/** All nodes see one file system: each has its files in a folder of its own. */
function flatPaths(inNode: (file: string) => string): NodePaths {
  return {
    kubeletRoot: inNode('kubelet'),
    podLogsDir: inNode('pod-logs'),
    containerdSocket: inNode('containerd.sock'),
    containerdRoot: inNode('containerd'),
    containerdState: inNode('state'),
    containerdTmp: inNode('tmp'),
    runcRoot: inNode('runc'),
  };
}

/** As kubelet and containerd have them where nobody says otherwise, below the node's own root. */
function standardPaths(rootDir: string): NodePaths {
  return {
    rootDir,
    kubeletRoot: path.join(rootDir, 'var/lib/kubelet'),
    podLogsDir: path.join(rootDir, 'var/log/pods'),
    containerdSocket: path.join(rootDir, 'run/containerd/containerd.sock'),
    containerdRoot: path.join(rootDir, 'var/lib/containerd'),
    containerdState: path.join(rootDir, 'run/containerd'),
    containerdTmp: path.join(rootDir, 'tmp'),
    runcRoot: path.join(rootDir, 'run/containerd/runc'),
  };
}
