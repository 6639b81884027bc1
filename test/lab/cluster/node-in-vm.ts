import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { step } from '../base/progress.ts';
import { run } from '../base/run.ts';
import type { CgroupDriver, LabInfo } from '../lab-info.ts';
import { runDir } from '../layout.ts';
import { cgroupVersion } from './cgroups.ts';
import { joinNetworkFromVm, makeNetworkWithTap } from './network.ts';
import { defaultUpOptions } from './options.ts';
import { planLab } from './plan.ts';
import { clearTheWay, prepareRunDir, startControlPlane, startNodes, startRuntimes } from './up.ts';

/*
 * A lab in two parts: the control plane and NATS run on the machine itself, the node in the
 * emulated one. The API server alone would take 40 s to start there, and half of its two cores
 * ever after.
 */

const planFile = path.join(runDir, 'plan.json');

/** On the machine: all but the node, which `upNodeInVm` starts once the guest runs. */
export async function upControlPlaneForVm(cgroupDriver: CgroupDriver): Promise<LabInfo> {
  await clearTheWay();
  return step('bringing up a control plane', async () => {
    const lab = await planLab({ ...defaultUpOptions, cgroupDriver });
    prepareRunDir();
    await makeNetworkWithTap();
    await startControlPlane(lab);
    writeFileSync(planFile, JSON.stringify(lab, null, 2), { mode: 0o600 });
    return lab;
  });
}

/** In the guest, which sees the machine's run folder as it was at its start. */
export async function upNodeInVm(): Promise<LabInfo> {
  if (!existsSync(planFile)) {
    throw new Error(`no control plane has left ${planFile}: run this by "npm run test:v2"`);
  }
  const lab: LabInfo = JSON.parse(readFileSync(planFile, 'utf8'));
  return step('bringing up the node', async () => {
    lab.cgroup.version = cgroupVersion();
    await joinNetworkFromVm();
    // The guest's root is an overlay, on which containerd could lay no overlays of its own. And
    // the daemons of the machine are none of the guest's.
    for (const dir of ['daemons', ...lab.nodes.map(({ name }) => name)]) {
      await mountTmpfs(path.join(runDir, dir));
    }
    await startRuntimes(lab);
    await startNodes(lab);
    return lab;
  });
}

async function mountTmpfs(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', dir]);
}

/** Copies the logs of the node to where the machine can read them. */
export function saveNodeLogs(lab: LabInfo, dir: string): void {
  for (const node of lab.nodes) {
    for (const log of Object.values(node.logs)) {
      if (existsSync(log)) copyFileSync(log, path.join(dir, `${node.name}-${path.basename(log)}`));
    }
  }
}
