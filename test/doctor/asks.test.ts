import { chmodSync, mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import { lookAtDirectory } from '../../src/doctor/checks/directory-facts.ts';
import { askHostCriu } from '../../src/doctor/checks/host-criu.ts';
import { findKubeletRoot, findRuntimeProcess } from '../../src/doctor/processes.ts';
import { execInPod } from '../../src/doctor/remote/kubectl.ts';
import { reportFrom } from '../../src/doctor/remote/report-from.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const SOCKET = '/run/containerd/containerd.sock';
const listening = (path: string, inode: number) =>
  `Num RefCount Protocol Flags Type St Inode Path\n000: 00000002 00000000 00010000 0001 01 ${inode} ${path}\n`;

interface FakeProcess {
  comm: string;
  cmdline?: string[];
  environ?: Record<string, string>;
  /** Unix sockets of its network namespace by inode, and those that it has open. */
  sockets?: [path: string, inode: number][];
  open?: number[];
}

function procTree(processes: Record<number, FakeProcess>): string {
  const root = tempDir();
  for (const [pid, { comm, cmdline = [], environ = {}, sockets = [], open = [] }] of Object.entries(
    processes,
  )) {
    const at = (...parts: string[]) => join(root, pid, ...parts);
    for (const part of ['net', 'fd', 'ns', 'root']) mkdirSync(at(part), { recursive: true });
    writeFileSync(at('comm'), `${comm}\n`);
    writeFileSync(at('cmdline'), cmdline.map((word) => `${word}\0`).join(''));
    const entries = Object.entries(environ).map(([key, value]) => `${key}=${value}\0`);
    writeFileSync(at('environ'), entries.join(''));
    writeFileSync(at('net', 'unix'), sockets.map((one) => listening(...one)).join(''));
    for (const inode of open) symlinkSync(`socket:[${inode}]`, at('fd', String(inode)));
    symlinkSync('mnt:[1]', at('ns', 'mnt'));
  }
  mkdirSync(join(root, 'self', 'ns'), { recursive: true });
  symlinkSync('mnt:[1]', join(root, 'self', 'ns', 'mnt'));
  return root;
}

describe('the process of the runtime', () => {
  it('is the one that has that socket open, of several runtimes', () => {
    const sockets: [string, number][] = [
      [SOCKET, 7],
      ['/run/k3s/containerd/containerd.sock', 8],
    ];
    const root = procTree({
      10: { comm: 'containerd-shim', sockets, open: [7] },
      11: { comm: 'containerd', sockets, open: [8] },
      12: { comm: 'containerd', sockets, open: [7] },
    });
    expect(findRuntimeProcess(root, SOCKET)).toBe(12);
    expect(findRuntimeProcess(root, '/run/crio/crio.sock')).toBeUndefined();
    expect(findRuntimeProcess('/nowhere', SOCKET)).toBeUndefined();
  });
});

describe('the root of the kubelet', () => {
  it.each<[string, Record<number, FakeProcess>, string | undefined]>([
    ['is its flag', { 1: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir=/data'] } }, '/data'],
    [
      'may be two words',
      { 1: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir', '/d'] } },
      '/d',
    ],
    ['has a default', { 1: { comm: 'kubelet', cmdline: ['kubelet'] } }, '/var/lib/kubelet'],
    ['is not known without a kubelet', { 1: { comm: 'bash' } }, undefined],
    [
      'is that of the kubelet of this node',
      {
        1: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir=/a', '--hostname-override=n2'] },
        2: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir=/b', '--hostname-override=n1'] },
      },
      '/b',
    ],
    [
      'is not guessed among several',
      {
        1: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir=/a'] },
        2: { comm: 'kubelet', cmdline: ['kubelet', '--root-dir=/b'] },
      },
      undefined,
    ],
  ])('%s', (_, processes, expected) => {
    expect(findKubeletRoot(procTree(processes), 'n1')).toBe(expected);
  });
});

describe('CRIU on the PATH of the runtime', () => {
  const signal = new AbortController().signal;

  function node(script: string | undefined) {
    const bin = tempDir();
    if (script !== undefined) {
      writeFileSync(join(bin, 'criu'), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, 'criu'), 0o755);
    }
    const environ = { PATH: `/nowhere:${bin}` };
    const sockets: [string, number][] = [[SOCKET, 7]];
    const procRoot = procTree({ 12: { comm: 'containerd', environ, sockets, open: [7] } });
    // As /proc shows it: the root of that process, which is the same as ours here.
    rmdirSync(join(procRoot, '12', 'root'));
    symlinkSync('/', join(procRoot, '12', 'root'));
    return { config: { procRoot, runtime: { socket: SOCKET } } } as never;
  }

  it('is asked to check the kernel', async () => {
    const script = 'case $1 in --version) echo "Version: 4.1";; check) echo "Looks good.";; esac';
    expect(await askHostCriu(node(script), signal)).toMatchObject({
      kind: 'tried',
      version: 'criu 4.1',
      works: true,
      said: 'Looks good.',
    });
  });

  it('is seen not to work, whatever its version says', async () => {
    const script = 'case $1 in --version) echo "Version: 3.17.1";; *) echo vdso >&2; exit 1;; esac';
    expect(await askHostCriu(node(script), signal)).toMatchObject({
      version: 'criu 3.17.1',
      works: false,
      said: 'vdso',
    });
  });

  it('is missing', async () => {
    expect(await askHostCriu(node(undefined), signal)).toMatchObject({ kind: 'missing' });
  });

  it('is not looked for without the runtime’s process', async () => {
    const config = { procRoot: procTree({}), runtime: { socket: SOCKET } };
    expect(await askHostCriu({ config } as never, signal)).toEqual({ kind: 'unseen' });
  });
});

describe('a directory', () => {
  it('is tried, and left as it was', async () => {
    const path = tempDir();
    chmodSync(path, 0o750);
    expect(await lookAtDirectory(path, createRandom(1))).toMatchObject({
      kind: 'directory',
      mode: 0o750,
      ownerUid: process.getuid?.(),
      trial: { ok: true },
    });
    expect(readdirSync(path)).toEqual([]);
  });

  it('is not followed when it is a link, and may be missing', async () => {
    const path = tempDir();
    symlinkSync(path, join(path, 'link'));
    const random = createRandom(1);
    expect(await lookAtDirectory(join(path, 'link'), random)).toMatchObject({ is: 'link' });
    expect(await lookAtDirectory(join(path, 'a'), random)).toMatchObject({
      kind: 'missing',
      parentExists: true,
    });
    expect(await lookAtDirectory(join(path, 'a', 'b'), random)).toMatchObject({
      parentExists: false,
    });
  });
});

describe('kubectl exec', () => {
  const pod = { namespace: 'stillpoint', name: 'agent-1' };
  const { signal } = new AbortController();

  function withKubectl(script: string) {
    const bin = tempDir();
    writeFileSync(join(bin, 'kubectl'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'kubectl'), 0o755);
    return { env: { PATH: `${bin}:/usr/bin:/bin` }, kubeconfig: '/k', context: 'c' };
  }

  it('gives what the command printed, and its exit code', async () => {
    const options = withKubectl('echo "$@"; exit 1');
    expect(await execInPod(pod, ['stillpoint', 'doctor'], options, signal)).toMatchObject({
      exitCode: 1,
      stdout: '--kubeconfig=/k --context=c exec -n stillpoint agent-1 -- stillpoint doctor\n',
    });
  });

  it('says what to do where there is none', async () => {
    const running = execInPod(pod, ['x'], { env: { PATH: tempDir() } }, signal);
    await expect(running).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('Install kubectl'),
    });
  });

  it('is given up when that is asked for', async () => {
    const stopped = new AbortController();
    const running = execInPod(pod, ['x'], withKubectl('exec sleep 60'), stopped.signal);
    stopped.abort();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('brings a report', () => {
    const lines = [{ check: 'a', state: 'ok', code: 'ok', what: 'fine' }];
    const report = { node: 'n', version: '1', lines };
    const result = { exitCode: 0, stdout: JSON.stringify(report), stderr: '' };
    expect(reportFrom(result, 'p')).toEqual(report);
  });

  it.each([
    ['error: Internal error', 'unreachable', /ended with 1 and no report: error: Internal/],
    [
      'error: unable to upgrade connection: error dialing backend: tls: failed to verify certificate: x509: unknown',
      'tls-untrusted',
      /does not trust the certificate of the kubelet/,
    ],
    ['Error from server (Forbidden): pods "x" is forbidden: User', 'forbidden', /may not go into/],
    [
      'error: error dialing backend: dial tcp 10.0.0.5:10250: connect: connection refused',
      'unreachable',
      /does not answer the API server/,
    ],
  ])('says why there is no way in: %s', (words, code, message) => {
    const stderr = `Defaulted container\n${words}\n`;
    const read = () => reportFrom({ exitCode: 1, stdout: '', stderr }, 'ns/p');
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code }));
  });
});
