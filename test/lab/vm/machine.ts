import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { binDir, home, repoDir } from '../layout.ts';
import { ensureVm, initrdFile, kernelFile } from './kernel.ts';

export interface VmOptions {
  /** With systemd as process 1. */
  systemd: boolean;
  /** The folder that the guest sees, and may write, as /out; a new one by default. */
  outDir?: string;
  timeoutMs: number;
  memoryMb: number;
  /** Plug the guest into this tap device of this network namespace; it has no network otherwise. */
  network?: { netns: string; tap: string };
  /** Gets what the guest prints. */
  output: Writable;
}

export const defaultVmOptions: VmOptions = {
  systemd: false,
  timeoutMs: 30 * 60_000,
  memoryMb: 6144,
  output: process.stdout,
};

/**
 * Runs a command in a throw-away virtual machine that has cgroup v2, and returns its exit code.
 * The guest's root is this machine's root, read-only under a layer that forgets: all tools, and
 * this repository, are where they always are. It is emulated, so it is 5 to 20 times slower
 * than the machine.
 */
export async function runInVm(
  command: readonly string[],
  options: Partial<VmOptions> = {},
): Promise<number> {
  const all = { ...defaultVmOptions, ...options };
  await ensureVm();
  const outDir = path.resolve(all.outDir ?? mkdtempSync(path.join(tmpdir(), 'stillpoint-vm-')));
  const controlDir = path.join(outDir, '.vm');
  rmSync(controlDir, { recursive: true, force: true });
  mkdirSync(controlDir, { recursive: true });
  writeFileSync(path.join(controlDir, 'settings.sh'), settings(command, all));
  for (const script of ['init.sh', 'run.sh']) {
    const source = path.join(import.meta.dirname, 'guest', script);
    copyFileSync(source, path.join(controlDir, script));
  }
  const timedOut = await boot(outDir, controlDir, all);
  const exitCodeFile = path.join(controlDir, 'exit-code');
  if (!existsSync(exitCodeFile)) {
    const console = path.join(controlDir, 'console');
    const why = timedOut ? `took over ${all.timeoutMs / 1000} s` : 'died';
    throw new Error(`the virtual machine ${why}; the last words of its kernel are in ${console}`);
  }
  const code = Number(readFileSync(exitCodeFile, 'utf8'));
  if (options.outDir === undefined) rmSync(outDir, { recursive: true, force: true });
  return code;
}

/** Read by both guest scripts. */
function settings(command: readonly string[], options: VmOptions): string {
  const environment = {
    ...ownVariables(),
    HOME: '/root',
    STILLPOINT_LAB_HOME: home,
    STILLPOINT_LAB_VM: '1',
    // CRIU without hardware breakpoints. Each makes the kernel patch its own code, at which the
    // emulator's threads can trip over each other: the guest panicked once in some 45 dumps.
    CRIU_FAULT: '130',
    // Time is what lacks here, not memory: collect garbage rarely.
    GOGC: '400',
    PATH: `${path.dirname(process.execPath)}:${binDir}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return [
    `with_systemd=${options.systemd ? 'yes' : ''}`,
    `directory=${quote(repoDir)}`,
    `environment=(${pairs.map(quote).join(' ')})`,
    `command=(${command.map(quote).join(' ')})`,
    '',
  ].join('\n');
}

/** What was set for the lab or the tests out here counts in there too. */
function ownVariables(): Record<string, string> {
  const ours = Object.entries(process.env).filter(([name]) => name.startsWith('STILLPOINT_'));
  return Object.fromEntries(ours.map(([name, value]) => [name, value ?? '']));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Returns whether it had to be ended for taking too long. */
async function boot(outDir: string, controlDir: string, options: VmOptions): Promise<boolean> {
  // Not in the guest's folder: the path of a socket has 107 characters at most.
  const portSocket = path.join(tmpdir(), `stillpoint-vm-${process.pid}.port`);
  rmSync(portSocket, { force: true });
  const server = net.createServer((guest) => guest.pipe(options.output, { end: false }));
  await new Promise<void>((resolve) => server.listen(portSocket, resolve));
  // However this process ends, by SIGKILL too, the machine must not run on without it.
  const dieWithUs = ['--pdeathsig', 'KILL', 'qemu-system-x86_64'];
  const machine = qemuArguments({ outDir, controlDir, portSocket }, options);
  const enter = options.network === undefined ? [] : [`--net=${options.network.netns}`];
  const child = spawn('nsenter', [...enter, 'setpriv', ...dieWithUs, ...machine], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs);
  try {
    await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
  } finally {
    clearTimeout(timer);
    await new Promise((resolve) => server.close(resolve));
    rmSync(portSocket, { force: true });
  }
  return timedOut;
}

function qemuArguments(
  places: { outDir: string; controlDir: string; portSocket: string },
  options: VmOptions,
): string[] {
  const share = (id: string, dir: string, more: string) => [
    ...['-fsdev', `local,id=${id},path=${dir},security_model=none${more}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  const { tap } = options.network ?? {};
  const netdev = `tap,id=net,ifname=${tap},script=no,downscript=no`;
  // Without a ROM to boot from by network: Debian has it in a package of its own.
  const nic = ['-netdev', netdev, '-device', 'virtio-net-pci,netdev=net,romfile='];
  return [
    // One processor: with two the kernel, which patches its own code now and then, trips over what
    // the emulator's other thread still has of the old (it panicked in one start of twenty). And
    // two machines, each of one, keep the two cores of a small machine busy.
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', `${options.memoryMb}`],
    ...['-nodefaults', '-nographic', '-no-reboot', '-nic', 'none'],
    ...(tap === undefined ? [] : nic),
    ...['-kernel', kernelFile(), '-initrd', initrdFile],
    // No attack is to be feared inside, and the guards against some cost a sixth of the time.
    ...['-append', `console=ttyS0 quiet panic=-1 mitigations=off stillpoint.home=${home}`],
    ...share('machine', '/', ',readonly=on,multidevs=remap'),
    ...share('out', places.outDir, ''),
    ...['-chardev', `socket,id=port,path=${places.portSocket}`],
    ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=port'],
    ...['-serial', `file:${path.join(places.controlDir, 'console')}`],
  ];
}
