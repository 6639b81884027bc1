import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../base/run.ts';
import { ForeignApt } from '../build/foreign-apt.ts';
import { ensurePackages } from '../build/packages.ts';
import { ensureBuilt, type Product } from '../build/stamp.ts';
import { vmDir } from '../layout.ts';
import { versions } from '../versions.ts';

const kernelDir = path.join(vmDir, 'kernel');
const bootDir = path.join(kernelDir, 'boot');
const modulesDir = path.join(kernelDir, 'usr/lib/modules');
export const initrdFile = path.join(vmDir, 'initrd');

const initScript = path.join(import.meta.dirname, 'guest/initrd.sh');

/** What it takes to reach the machine's root from inside: 9p over virtio, and overlayfs. */
const earlyModules = ['netfs', '9pnet', '9pnet_virtio', '9p', 'overlay'];

const packages = ['busybox-static', 'cpio', 'kmod', 'qemu-system-x86', 'xz-utils'];

/** The kernel package is unpacked, not installed: this machine boots what it always booted. */
const kernelProduct: Product = {
  name: 'vm-kernel',
  recipe: `linux-image-amd64 of Debian ${versions.debianSuite}\n`,
  files: [bootDir, modulesDir],
  build: async () => {
    const apt = new ForeignApt(path.join(vmDir, 'apt'), versions.debianSuite);
    await apt.prepare();
    const name = await apt.firstDependency('linux-image-amd64', 'linux-image-');
    rmSync(kernelDir, { recursive: true, force: true });
    await apt.unpack(name, kernelDir, { dependencies: false });
    rmSync(apt.dir, { recursive: true, force: true });
    await run('depmod', ['-b', path.join(kernelDir, 'usr'), kernelRelease()]);
  },
};

const initrdProduct: Product = {
  name: 'vm-initrd',
  get recipe() {
    const script = createHash('sha256').update(readFileSync(initScript)).digest('hex');
    return `${script} ${existsSync(modulesDir) ? kernelRelease() : ''}\n`;
  },
  files: [initrdFile],
  build: buildInitrd,
};

export async function ensureVm(): Promise<void> {
  await ensurePackages(packages);
  await ensureBuilt(kernelProduct);
  await ensureBuilt(initrdProduct);
}

export function kernelFile(): string {
  return path.join(bootDir, `vmlinuz-${kernelRelease()}`);
}

function kernelRelease(): string {
  const [release] = readdirSync(modulesDir);
  if (release === undefined) throw new Error(`no kernel in ${kernelDir}`);
  return release;
}

async function buildInitrd(): Promise<void> {
  const root = mkdtempSync(path.join(tmpdir(), 'stillpoint-initrd-'));
  try {
    for (const dir of 'bin proc sys dev lower writes root modules'.split(' ')) {
      mkdirSync(path.join(root, dir));
    }
    copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
    copyFileSync(initScript, path.join(root, 'init'));
    chmodSync(path.join(root, 'init'), 0o755);
    for (const name of earlyModules) {
      const found = await run('find', [modulesDir, '-name', `${name}.ko.xz`]);
      const target = path.join(root, 'modules', `${name}.ko`);
      await run('sh', ['-c', `xz -dc "$0" > "$1"`, found.stdout.trim(), target]);
    }
    const pack = `find . | cpio -o -H newc --quiet | gzip -1 > "$0"`;
    await run('sh', ['-c', pack, initrdFile], { cwd: root });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
