import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say, step } from '../base/progress.ts';
import { waitFor } from '../base/wait.ts';
import { missingProducts } from '../build/index.ts';
import type { LabInfo } from '../lab-info.ts';
import { infoFile, runDir } from '../layout.ts';
import { makeCertificates } from './certificates.ts';
import { importImages, startContainerdOf, waitForContainerd } from './containerd.ts';
import {
  startApiServer,
  startEtcd,
  startNats,
  startSchedulerAndControllers,
} from './control-plane.ts';
import { down } from './down.ts';
import { rememberKernelSettings } from './kernel-settings.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { startKubelet } from './kubelet.ts';
import { makeApiService, makeNetwork } from './network.ts';
import { makeNodeMounts } from './node-mounts.ts';
import { checkUpOptions, type UpOptions } from './options.ts';
import { planLab } from './plan.ts';
import { apiGet, waitForApiServer, waitForNats, waitForNode } from './ready.ts';
import { labState } from './status.ts';

/** Brings the lab up, after clearing away what a crashed one has left. Needs a finished build. */
export async function up(options: UpOptions): Promise<LabInfo> {
  checkUpOptions(options);
  await clearTheWay();
  const what = `lab of ${options.nodes} node${options.nodes === 1 ? '' : 's'}`;
  return step(`bringing up a ${what}`, async () => {
    const lab = await planLab(options);
    prepareRunDir();
    await makeNetwork(options.nodes);
    if (options.full) await makeApiService();
    await Promise.all([startControlPlane(lab), startRuntimes(lab)]);
    await startNodes(lab);
    return lab;
  });
}

/** Throws when a lab is up; takes away the remains of one that crashed. */
export async function clearTheWay(): Promise<void> {
  const missing = missingProducts();
  if (missing.length > 0) {
    throw new Error(
      `not built, or of another version: ${missing.join(', ')}: run "npm run lab -- build"`,
    );
  }
  const state = labState();
  if (state === 'up') {
    throw new Error('a lab is up already: use it, or take it down by "npm run lab -- down"');
  }
  if (state === 'broken') {
    say('an earlier lab was not taken down properly; clearing it away first');
    await down();
  }
}

/** Certificates, etcd, the API server and NATS: answers when all of them do. */
export async function startControlPlane(lab: LabInfo): Promise<void> {
  await makeCertificates(lab.nodes);
  writeKubeconfig(lab.kubeconfig, lab.adminToken);
  await startEtcd(lab);
  await startApiServer(lab);
  await Promise.all([startNats(lab).then(() => waitForNats(lab)), waitForApiServer(lab)]);
  if (lab.full) await startSchedulerAndControllers(lab);
  await waitForDefaultNamespace(lab);
}

/** containerd on each node, with the images that pods are made of. */
export async function startRuntimes(lab: LabInfo): Promise<void> {
  const each = lab.nodes.map(async (node, index) => {
    await makeNodeMounts(node);
    await startContainerdOf(node, index + 1, lab.cgroup.driver);
    await waitForContainerd(node);
    await importImages(node);
  });
  await Promise.all(each);
}

/** The kubelets. With this the lab is up, and says so. */
export async function startNodes(lab: LabInfo): Promise<void> {
  await Promise.all(lab.nodes.map((node) => startKubelet(lab, node)));
  await Promise.all(lab.nodes.map((node) => waitForNode(lab, node)));
  // Written last: a lab without this file is one whose start did not come to its end.
  writeFileSync(infoFile, JSON.stringify(lab, null, 2), { mode: 0o600 });
}

/** Empties the run folder, which may be a mount point: `down` has left but logs in it. */
export function prepareRunDir(): void {
  mkdirSync(runDir, { recursive: true });
  for (const name of readdirSync(runDir)) {
    rmSync(path.join(runDir, name), { recursive: true, force: true });
  }
  rememberKernelSettings();
}

/**
 * Both are made a moment after the API server is ready, and a pod sent before that is refused:
 * the namespace by itself, the account that pods run as by the controller manager.
 */
async function waitForDefaultNamespace(lab: LabInfo): Promise<void> {
  const namespace = '/api/v1/namespaces/default';
  await waitFor('the default namespace', async () =>
    (await apiGet(lab, namespace)).includes('"Active"'),
  );
  if (!lab.full) return;
  await waitFor('the default service account', async () =>
    (await apiGet(lab, `${namespace}/serviceaccounts/default`)).includes('"uid"'),
  );
}
