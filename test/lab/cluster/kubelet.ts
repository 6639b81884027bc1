import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type LabInfo, type LabNode, pathInNode } from '../lab-info.ts';
import { caCert, keyPair } from './certificates.ts';
import { makeNodeCgroups } from './cgroups.ts';
import { nodeToken } from './control-plane.ts';
import { startDaemon } from './daemons.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** Starts a kubelet. Its containerd must answer already: a kubelet without one exits at once. */
export async function startKubelet(lab: LabInfo, node: LabNode): Promise<void> {
  for (const dir of [node.kubeletRoot, node.podLogsDir, manifestsDir(node)]) {
    mkdirSync(dir, { recursive: true });
  }
  if (lab.cgroup.driver === 'cgroupfs') makeNodeCgroups(node.name);
  writeKubeconfig(node.kubeconfig, nodeToken(lab, node.name));
  writeFileSync(node.kubeletConfig, JSON.stringify(kubeletConfig(lab, node), null, 2));
  await startDaemon({
    name: `kubelet-${node.name}`,
    command: 'kubelet',
    args: [
      `--config=${node.kubeletConfig}`,
      `--kubeconfig=${node.kubeconfig}`,
      `--root-dir=${pathInNode(node, node.kubeletRoot)}`,
      `--cert-dir=${path.join(pathInNode(node, node.kubeletRoot), 'pki')}`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
      '--v=2',
    ],
    node: node.name,
    log: node.logs.kubelet,
  });
}

/** A manifest laid here becomes a static pod. */
export function manifestsDir(node: LabNode): string {
  return path.join(path.dirname(node.kubeletConfig), 'manifests');
}

function kubeletConfig(lab: LabInfo, node: LabNode): object {
  const serving = keyPair(node.name);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    port: Number(new URL(node.kubeletUrl).port),
    readOnlyPort: 0,
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: caCert },
    },
    authorization: { mode: 'Webhook' },
    // Without these two the kubelet makes a key and signs it itself, for its host name alone.
    ...(lab.kubeletCert === 'ca'
      ? { tlsCertFile: serving.cert, tlsPrivateKeyFile: serving.key }
      : {}),
    cgroupDriver: lab.cgroup.driver,
    cgroupRoot: node.cgroupRoot,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: [],
    // The lab runs on cgroup v1 too, and without the right to lower its own oom score.
    failCgroupV1: false,
    oomScoreAdj: 0,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${pathInNode(node, node.containerdSocket)}`,
    maxPods: 250,
    // However full the machine's disk is, no pod is evicted and no image thrown away for it.
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    makeIPTablesUtilChains: false,
    resolvConf: '/etc/resolv.conf',
    staticPodPath: manifestsDir(node),
    podLogsDir: pathInNode(node, node.podLogsDir),
    volumePluginDir: path.join(path.dirname(node.kubeletConfig), 'volume-plugins'),
    // A changed ConfigMap reaches its pods within this time; a minute is too long for a test.
    ...(lab.full ? { syncFrequency: '5s' } : {}),
    featureGates: lab.featureGates,
  };
}
