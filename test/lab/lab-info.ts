import { existsSync, readFileSync } from 'node:fs';
import { infoFile, isOwnPath } from './layout.ts';

/** How a kubelet got its serving certificate. */
export type KubeletCert = 'ca' | 'self-signed';
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** All that a test needs to reach one node of the lab. Addresses count inside its namespace. */
export interface LabNode {
  name: string;
  address: string;
  kubeletUrl: string;
  /**
   * Only in a lab with `ownPaths`: the node's own /run, /var/lib and so on, as they lie on the
   * machine. The other paths here are those of the machine too; `pathInNode` gives the node's.
   */
  rootDir?: string;
  /** The kubelet's own rights (system:node), as a kubeconfig. */
  kubeconfig: string;
  kubeletConfig: string;
  kubeletRoot: string;
  checkpointsDir: string;
  podsApiSocket: string;
  podLogsDir: string;
  /** The certificate that the kubelet serves with: signed by the lab's CA, or by itself. */
  kubeletCertFile: string;
  containerdSocket: string;
  containerdConfig: string;
  containerdRoot: string;
  containerdState: string;
  /** Where containerd puts CRIU's images first. */
  containerdTmp: string;
  runcRoot: string;
  /** Below each hierarchy of /sys/fs/cgroup. */
  cgroupRoot: string;
  logs: { kubelet: string; containerd: string };
}

/** What `up` writes to run/lab.json, and what tests read. */
export interface LabInfo {
  name: string;
  home: string;
  runDir: string;
  binDir: string;
  startedAt: string;
  /** The test run it was made for: when that has died, nobody needs this lab any more. */
  owner?: { pid: number; startTicks: string };
  versions: Record<string, string>;
  netns: { path: string; enter: string };
  cgroup: { version: 1 | 2; driver: CgroupDriver };
  kubeconfig: string;
  caFile: string;
  /** A member of system:masters: may do everything, at the API server and at the kubelets. */
  adminToken: string;
  apiServer: { url: string; log: string };
  etcd: { url: string; log: string };
  nats: { url: string; monitorUrl: string; storeDir: string; log: string };
  /** With kube-scheduler and kube-controller-manager. */
  full: boolean;
  /** Each node has its files at the standard paths, in a mount namespace of its own. */
  ownPaths: boolean;
  kubeletCert: KubeletCert;
  featureGates: Record<string, boolean>;
  nodes: LabNode[];
}

/** The running lab. Throws, and says what to do, when none is up. */
export function readLabInfo(): LabInfo {
  if (!existsSync(infoFile)) {
    throw new Error(`no lab is up (${infoFile} is not there): run "npm run lab -- up"`);
  }
  return JSON.parse(readFileSync(infoFile, 'utf8'));
}

/** How the node itself calls a file of the machine: what its kubelet and its pods see. */
export function pathInNode(node: LabNode, onMachine: string): string {
  const { rootDir } = node;
  return rootDir !== undefined && onMachine.startsWith(`${rootDir}/`)
    ? onMachine.slice(rootDir.length)
    : onMachine;
}

/** Where a file that the node calls by this path lies on the machine. */
export function pathOnMachine(node: LabNode, inNode: string): string {
  const { rootDir } = node;
  return rootDir !== undefined && isOwnPath(inNode) ? `${rootDir}${inNode}` : inNode;
}

/** The node of that name, or the first one. */
export function nodeOf(lab: LabInfo, name?: string): LabNode {
  const node = name === undefined ? lab.nodes[0] : lab.nodes.find((each) => each.name === name);
  if (node === undefined) {
    const names = lab.nodes.map((each) => each.name).join(', ');
    throw new Error(`the lab has no node ${name}; it has ${names}`);
  }
  return node;
}
