import { type TarItem, tar } from './tar-writer.ts';

/** What a made-up checkpoint is of; its members have the layout of the real thing. */
export interface CheckpointParts {
  engine: 'containerd' | 'cri-o' | 'podman';
  namespace: string;
  pod: string;
  podUid: string;
  container: string;
  containerId: string;
  imageVersion: number;
  /** Processes with their threads and runs of pages. */
  processes: { pid: number; threads?: number[]; runs: PageRun[] }[];
  pageBytes: number;
  /** Machine type in the core images: 1 x86_64, 3 aarch64. */
  machine: number;
}

export interface PageRun {
  pages: number;
  /** Only the 32-bit field of CRIU before 4.2. */
  old?: boolean;
  inParent?: boolean;
  flags?: number;
}

export const exampleParts: CheckpointParts = {
  engine: 'containerd',
  namespace: 'shop',
  pod: 'cart-7d9f',
  podUid: '3f0c0c5e-1111-4222-8333-795505242393',
  container: 'app',
  containerId: 'ab'.repeat(32),
  imageVersion: 2,
  processes: [{ pid: 1, threads: [1, 7], runs: [{ pages: 3 }, { pages: 2, old: true }] }],
  pageBytes: 4096,
  machine: 1,
};

/** The members of a checkpoint, in the order of containerd: `checkpoint/` first, then by name. */
export function checkpointMembers(parts: Partial<CheckpointParts> = {}): TarItem[] {
  const all = { ...exampleParts, ...parts };
  const items: TarItem[] = [{ name: 'checkpoint/' }, ...imageItems(all)];
  const spec = JSON.stringify({ ociVersion: '1.2.0', annotations: annotationsOf(all) });
  const config = JSON.stringify({
    id: all.containerId,
    name: all.container,
    rootfsImage: 'lab.local/work:1',
    rootfsImageRef: `lab.local/work@sha256:${'0'.repeat(64)}`,
    rootfsImageName: 'lab.local/work:1',
    runtime: 'io.containerd.runc.v2',
    createdTime: '2026-01-01T00:00:00Z',
    checkpointedTime: '2026-01-01T00:01:00.5Z',
  });
  items.push({ name: 'config.dump', data: config }, { name: 'dump.log', data: 'finished\n' });
  items.push({ name: 'rootfs-diff.tar', data: 'x' }, { name: 'spec.dump', data: spec });
  items.push({ name: 'stats-dump', data: statsImage() });
  if (all.engine === 'containerd') {
    items.push({ name: 'status', data: '{}' }, { name: 'status.dump', data: '{}' });
  }
  return items;
}

/** A whole archive. */
export function checkpointTar(parts: Partial<CheckpointParts> = {}): Buffer {
  return tar(...checkpointMembers(parts));
}

function imageItems(all: CheckpointParts): TarItem[] {
  const items: TarItem[] = [];
  const add = (name: string, data: Buffer) => items.push({ name: `checkpoint/${name}`, data });
  const tree: Buffer[] = [];
  all.processes.forEach(({ pid, threads = [pid], runs }, index) => {
    for (const id of new Set([pid, ...threads])) add(`core-${id}.img`, coreImage(all.machine));
    add(`mm-${pid}.img`, Buffer.alloc(16));
    add(`pagemap-${pid}.img`, pagemapImage(index + 1, runs));
    const stored = runs.filter(({ inParent, flags }) => !inParent && flags !== 1);
    const pages = stored.reduce((sum, run) => sum + run.pages, 0);
    add(`pages-${index + 1}.img`, Buffer.alloc(pages * all.pageBytes, 0x5a));
    tree.push(
      Buffer.concat([varintField(1, pid), ...threads.map((thread) => varintField(5, thread))]),
    );
  });
  add('inventory.img', inventoryImage(all.imageVersion));
  add('pstree.img', image(0x54564319, 0x50273030, tree));
  return items;
}

/** A protobuf field of type varint. */
export function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** A protobuf field of bytes. */
export function bytesField(field: number, data: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(data.length), data]);
}

/** An image file: two magics, then entries with their sizes. */
export function image(first: number, second: number | undefined, entries: Buffer[]): Buffer {
  const parts = [u32(first)];
  if (second !== undefined) parts.push(u32(second));
  for (const entry of entries) parts.push(u32(entry.length), entry);
  return Buffer.concat(parts);
}

export function inventoryImage(version: number): Buffer {
  return image(0x58313116, undefined, [varintField(1, version)]);
}

export function pagemapImage(pagesId: number, runs: PageRun[]): Buffer {
  const entries = runs.map(({ pages, old, inParent, flags = 4 }, index) => {
    const parts = [varintField(1, (index + 1) * 0x7f00_0000), varintField(2, old ? pages : 0)];
    if (inParent) parts.push(varintField(3, 1));
    parts.push(varintField(4, flags));
    if (!old) parts.push(varintField(5, pages));
    return Buffer.concat(parts);
  });
  return image(0x54564319, 0x56084025, [varintField(1, pagesId), ...entries]);
}

/** freezing 1.5 ms, frozen 98.793 ms. */
export function statsImage(): Buffer {
  const dump = Buffer.concat([varintField(1, 1_500), varintField(2, 98_793), varintField(7, 5)]);
  return image(0x55105940, 0x57093306, [bytesField(1, dump)]);
}

function coreImage(machine: number): Buffer {
  return image(0x54564319, 0x55053847, [varintField(1, machine)]);
}

function annotationsOf(all: CheckpointParts): Record<string, string> {
  if (all.engine === 'containerd') {
    return {
      'io.kubernetes.cri.container-name': all.container,
      'io.kubernetes.cri.sandbox-name': all.pod,
      'io.kubernetes.cri.sandbox-namespace': all.namespace,
      'io.kubernetes.cri.sandbox-uid': all.podUid,
    };
  }
  if (all.engine === 'podman') return { 'io.container.manager': 'libpod' };
  return {
    'io.container.manager': 'cri-o',
    'io.kubernetes.container.name': all.container,
    'io.kubernetes.pod.name': all.pod,
    'io.kubernetes.pod.namespace': all.namespace,
    'io.kubernetes.pod.uid': all.podUid,
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
