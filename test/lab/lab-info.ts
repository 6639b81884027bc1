import { existsSync, readFileSync } from 'node:fs';
import { infoFile } from './layout.ts';

/** How a kubelet got its serving certificate. */
export type KubeletCert = 'ca' | 'self-signed';
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** All that a test needs to reach one node of the lab. Addresses count inside its namespace. */
export interface LabNode {
  name: string;
  address: string;
  kubeletUrl: string;
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

/** The node of that name, or the first one. */
export function nodeOf(lab: LabInfo, name?: string): LabNode {
  const node = name === undefined ? lab.nodes[0] : lab.nodes.find((each) => each.name === name);
  if (node === undefined) {
    const names = lab.nodes.map((each) => each.name).join(', ');
    throw new Error(`the lab has no node ${name}; it has ${names}`);
  }
  return node;
}
