import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { imageFiles, pauseImage } from '../build/index.ts';
import { type CgroupDriver, type LabNode, pathInNode } from '../lab-info.ts';
import { binDir, labEnvironment, labName } from '../layout.ts';
import { startDaemon } from './daemons.ts';
import { inLab } from './in-lab.ts';
import { waitForSocket } from './ready.ts';

export async function startContainerdOf(
  node: LabNode,
  number: number,
  driver: CgroupDriver,
): Promise<void> {
  const cniDir = path.join(path.dirname(node.containerdConfig), 'cni');
  for (const dir of [node.containerdRoot, node.containerdState, node.containerdTmp, cniDir]) {
    mkdirSync(dir, { recursive: true });
  }
  writeFileSync(path.join(cniDir, '10-lab.conflist'), JSON.stringify(cniConfig(node, number)));
  writeFileSync(node.containerdConfig, containerdConfig(node, cniDir, driver));
  await startDaemon({
    name: `containerd-${node.name}`,
    command: path.join(binDir, 'containerd'),
    args: ['--config', node.containerdConfig],
    env: { TMPDIR: pathInNode(node, node.containerdTmp), ...ownPath(node) },
    node: node.name,
    log: node.logs.containerd,
  });
}

export async function waitForContainerd(node: LabNode): Promise<void> {
  await waitForSocket(`containerd-${node.name}`, node.containerdSocket);
}

export async function importImages(node: LabNode): Promise<void> {
  const client = ['--address', node.containerdSocket, '--namespace', 'k8s.io'];
  for (const file of imageFiles) await inLab('ctr', [...client, 'images', 'import', file]);
}

/** Before all others on the path of a node without own paths; empty until a test puts one there. */
export function ownBinDir(node: LabNode): string {
  return path.join(path.dirname(node.containerdConfig), 'bin');
}

/**
 * A node with own paths has a CRIU of its own, so that a test can take it away. All else that
 * containerd starts it finds beside itself.
 */
function ownPath(node: LabNode): Record<string, string> {
  if (node.rootDir === undefined) return { PATH: `${ownBinDir(node)}:${labEnvironment().PATH}` };
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

function containerdConfig(node: LabNode, cniDir: string, driver: CgroupDriver): string {
  const own = (file: string) => pathInNode(node, file);
  const runtime = `plugins."io.containerd.cri.v1.runtime"`;
  return `version = 3
root = "${own(node.containerdRoot)}"
state = "${own(node.containerdState)}"
[grpc]
  address = "${own(node.containerdSocket)}"
[ttrpc]
  address = "${own(node.containerdSocket)}.ttrpc"
# Its socket has one fixed path on a machine: two labs would fight for it.
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${pauseImage}"
[${runtime}]
  # A sandbox asks for a score below that of a process without CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  # Under our own folder, where the clean-up after a crash finds them.
  netns_mounts_under_state_dir = true
  [${runtime}.cni]
    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
    conf_dir = "${cniDir}"
  [${runtime}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    # So that a pod can name a configuration file of CRIU for its dumps.
    pod_annotations = ["org.criu.config"]
    [${runtime}.containerd.runtimes.runc.options]
      BinaryName = "${binDir}/runc"
      Root = "${own(node.runcRoot)}"
      SystemdCgroup = ${driver === 'systemd'}
`;
}

/** Pod addresses of node N are 10.77.1N.0/24, on a bridge inside the lab's namespace. */
function cniConfig(node: LabNode, number: number): object {
  return {
    cniVersion: '0.4.0',
    name: cniNetwork(node),
    plugins: [
      {
        type: 'bridge',
        bridge: `lab${number}`,
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: `10.77.1${number}.0/24` }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: path.join(path.dirname(node.containerdConfig), 'addresses'),
        },
      },
    ],
  };
}

/** CNI keeps results in one folder for the machine, under the network's name: it is ours alone. */
export function cniNetwork(node: { name: string }): string {
  return `${labName}-${node.name}`;
}
