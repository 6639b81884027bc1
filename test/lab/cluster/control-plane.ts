import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LabInfo } from '../lab-info.ts';
import { controlPlaneAddress, runDir } from '../layout.ts';
import { caCert, keyPair, serviceAccountKey } from './certificates.ts';
import { startDaemon } from './daemons.ts';

export async function startEtcd(lab: LabInfo): Promise<void> {
  await startDaemon({
    name: 'etcd',
    command: 'etcd',
    args: [
      ...['--data-dir', path.join(runDir, 'etcd')],
      ...['--listen-client-urls', lab.etcd.url],
      ...['--advertise-client-urls', lab.etcd.url],
      // Nobody needs the lab's data after a power cut, and syncing costs a second of each start.
      '--unsafe-no-fsync',
    ],
    log: lab.etcd.log,
  });
}

export async function startNats(lab: LabInfo): Promise<void> {
  mkdirSync(lab.nats.storeDir, { recursive: true });
  const monitorPort = new URL(lab.nats.monitorUrl).port;
  await startDaemon({
    name: 'nats',
    command: 'nats-server',
    args: [
      ...['--addr', controlPlaneAddress, '--port', new URL(lab.nats.url).port],
      ...['--jetstream', '--store_dir', lab.nats.storeDir, '--http_port', monitorPort],
    ],
    log: lab.nats.log,
  });
}

/** One token for us, and one for each kubelet with the rights of its own node. */
export function nodeToken(lab: LabInfo, node: string): string {
  return `${lab.adminToken}-${node}`;
}

export async function startApiServer(lab: LabInfo): Promise<void> {
  const tokensFile = path.join(runDir, 'tokens.csv');
  const nodeTokens = lab.nodes.map(
    ({ name }) => `${nodeToken(lab, name)},system:node:${name},${name},"system:nodes"`,
  );
  const lines = [`${lab.adminToken},lab-admin,lab-admin,"system:masters"`, ...nodeTokens];
  writeFileSync(tokensFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  const serving = keyPair('apiserver');
  const client = keyPair('kubelet-client');
  // As kubeadm does: with self-signed kubelets there is nothing to verify them by.
  const verify = lab.kubeletCert === 'ca' ? [`--kubelet-certificate-authority=${caCert}`] : [];
  await startDaemon({
    name: 'apiserver',
    command: 'kube-apiserver',
    // The lab waits for this program above all, and a quarter of its start is garbage collection.
    env: { GOGC: '400' },
    args: [
      `--etcd-servers=${lab.etcd.url}`,
      `--advertise-address=${controlPlaneAddress}`,
      `--bind-address=${controlPlaneAddress}`,
      `--secure-port=${new URL(lab.apiServer.url).port}`,
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      `--kubelet-client-certificate=${client.cert}`,
      `--kubelet-client-key=${client.key}`,
      ...verify,
      '--kubelet-preferred-address-types=InternalIP',
      `--client-ca-file=${caCert}`,
      `--token-auth-file=${tokensFile}`,
      '--service-account-issuer=https://lab.local',
      `--service-account-key-file=${serviceAccountKey}`,
      `--service-account-signing-key-file=${serviceAccountKey}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      // Without a controller manager no service account would ever appear to admit pods with.
      ...(lab.full ? [] : ['--disable-admission-plugins=ServiceAccount']),
      '--endpoint-reconciler-type=none',
      ...featureGateFlags(lab),
    ],
    log: lab.apiServer.log,
  });
}

export async function startSchedulerAndControllers(lab: LabInfo): Promise<void> {
  const common = [
    `--kubeconfig=${lab.kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    ...featureGateFlags(lab),
  ];
  await startDaemon({
    name: 'scheduler',
    command: 'kube-scheduler',
    args: common,
    log: path.join(runDir, 'scheduler.log'),
  });
  await startDaemon({
    name: 'controllers',
    command: 'kube-controller-manager',
    args: [
      ...common,
      `--service-account-private-key-file=${serviceAccountKey}`,
      `--root-ca-file=${caCert}`,
    ],
    log: path.join(runDir, 'controllers.log'),
  });
}

function featureGateFlags(lab: LabInfo): string[] {
  const gates = Object.entries(lab.featureGates).map(([name, on]) => `${name}=${on}`);
  return gates.length === 0 ? [] : [`--feature-gates=${gates.join(',')}`];
}
