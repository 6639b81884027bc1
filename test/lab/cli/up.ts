import { parseArgs } from 'node:util';
import { defaultUpOptions, type UpOptions, up } from '../cluster/index.ts';
import type { LabInfo } from '../lab-info.ts';
import { infoFile } from '../layout.ts';
import { installImage } from '../rig/image.ts';

export async function runUp(args: readonly string[]): Promise<number> {
  const options = parseUpOptions(args);
  const lab = await up(options);
  if (options.stillpoint) await installImage();
  process.stdout.write(describeLab(lab));
  return 0;
}

/** What `up` takes on the command line: also whether Stillpoint's image is to be on the nodes. */
export type UpArguments = UpOptions & { stillpoint: boolean };

export function parseUpOptions(args: readonly string[]): UpArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      full: { type: 'boolean', default: false },
      stillpoint: { type: 'boolean', default: false },
      'kubelet-self-signed': { type: 'boolean', default: false },
      gate: { type: 'string', multiple: true, default: [] },
      'cgroup-driver': { type: 'string', default: defaultUpOptions.cgroupDriver },
    },
  });
  if (positionals.length > 1)
    throw new Error(`one number of nodes, not "${positionals.join(' ')}"`);
  const driver = values['cgroup-driver'];
  if (driver !== 'cgroupfs' && driver !== 'systemd') {
    throw new Error(`--cgroup-driver is cgroupfs or systemd, not "${driver}"`);
  }
  return {
    ...defaultUpOptions,
    nodes: positionals[0] === undefined ? defaultUpOptions.nodes : Number(positionals[0]),
    full: values.full,
    // What a DaemonSet mounts has one path on all nodes.
    ownPaths: values.full,
    stillpoint: values.stillpoint,
    kubeletCert: values['kubelet-self-signed'] ? 'self-signed' : 'ca',
    featureGates: Object.fromEntries(values.gate.map(parseGate)),
    cgroupDriver: driver,
  };
}

function parseGate(text: string): [name: string, on: boolean] {
  const found = text.match(/^(\w+)=(true|false)$/);
  if (found?.[1] === undefined) throw new Error(`--gate is NAME=true or NAME=false, not "${text}"`);
  return [found[1], found[2] === 'true'];
}

export function describeLab(lab: LabInfo): string {
  const rows: [label: string, value: string][] = [
    ['enter', `${lab.netns.enter} bash`],
    ['kubeconfig', lab.kubeconfig],
    ['API server', lab.apiServer.url],
    ['NATS', lab.nats.url],
    ['programs', lab.binDir],
    ['all of this', `${infoFile} (JSON)`],
  ];
  const nodes = lab.nodes.flatMap((node): typeof rows => [
    [node.name, ''],
    ['  kubelet', `${node.kubeletUrl}, certificate ${node.kubeletCertFile}`],
    ['  containerd', node.containerdSocket],
    ['  checkpoints', node.checkpointsDir],
    ['  logs', `${node.logs.kubelet}, ${node.logs.containerd}`],
  ]);
  return [...rows, ...nodes]
    .map(([label, value]) => `${label.padEnd(14)}${value}`.trimEnd())
    .join('\n')
    .concat('\n');
}
