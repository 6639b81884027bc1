import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say, step } from '../base/progress.ts';
import { run } from '../base/run.ts';
import { waitFor } from '../base/wait.ts';
import { missingProducts } from '../build/index.ts';
import type { LabInfo } from '../lab-info.ts';
import { binDir, infoFile, runDir } from '../layout.ts';
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
import { makeNetwork } from './network.ts';
import { checkUpOptions, type UpOptions } from './options.ts';
import { planLab } from './plan.ts';
import { apiGet, waitForApiServer, waitForNats, waitForNode } from './ready.ts';
import { labState } from './status.ts';

/** Brings the lab up, after clearing away what a crashed one has left. Needs a finished build. */
export async function up(options: UpOptions): Promise<LabInfo> {
  checkUpOptions(options);
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
  const what = `lab of ${options.nodes} node${options.nodes === 1 ? '' : 's'}`;
  return step(`bringing up a ${what}`, () => start(options));
}

async function start(options: UpOptions): Promise<LabInfo> {
  const criu = await run(path.join(binDir, 'criu'), ['--version']);
  const lab = planLab(options, criu.stdout.match(/Version: (\S+)/)?.[1] ?? 'unknown');
  removeLogsOfLastTime();
  rememberKernelSettings();
  await Promise.all([makeNetwork(options.nodes), makeCertificates(lab.nodes)]);
  writeKubeconfig(lab.kubeconfig, lab.adminToken);
  await startEtcd(lab);
  await startApiServer(lab);
  await Promise.all([
    startNats(lab).then(() => waitForNats(lab)),
    waitForApiServer(lab),
    ...lab.nodes.map((node, index) => startRuntime(lab, node.name, index + 1)),
  ]);
  await Promise.all(lab.nodes.map((node) => startKubelet(lab, node)));
  if (lab.full) await startSchedulerAndControllers(lab);
  await Promise.all(lab.nodes.map((node) => waitForNode(lab, node)));
  await waitForDefaultNamespace(lab);
  // Written last: a lab without this file is one whose start did not come to its end.
  writeFileSync(infoFile, JSON.stringify(lab, null, 2), { mode: 0o600 });
  return lab;
}

/** `down` has left nothing but them. The folder itself may be a mount point. */
function removeLogsOfLastTime(): void {
  mkdirSync(runDir, { recursive: true });
  for (const name of readdirSync(runDir)) {
    rmSync(path.join(runDir, name), { recursive: true, force: true });
  }
}

async function startRuntime(lab: LabInfo, name: string, number: number): Promise<void> {
  const node = lab.nodes.find((each) => each.name === name);
  if (node === undefined) throw new Error(`no plan for ${name}`);
  await startContainerdOf(node, number, lab.cgroup.driver);
  await waitForContainerd(node);
  await importImages(node);
}

/** The API server makes it a moment after it is ready; a pod sent before that is refused. */
async function waitForDefaultNamespace(lab: LabInfo): Promise<void> {
  await waitFor('the default namespace', async () =>
    (await apiGet(lab, '/api/v1/namespaces/default')).includes('"Active"'),
  );
}
