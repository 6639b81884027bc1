import { describe, expect, it } from '@jest/globals';
import { type CgroupFacts, judgeCgroups } from '../../src/doctor/checks/cgroups.ts';
import { type CriuFacts, fromRefusal, judgeCriu, lookBack } from '../../src/doctor/checks/criu.ts';
import {
  type CheckpointsDirectoryFacts,
  judgeCheckpointsDirectory,
} from '../../src/doctor/checks/directories.ts';
import { type DiskFacts, judgeDisks } from '../../src/doctor/checks/disks.ts';
import { judgeMachine, type MachineFacts } from '../../src/doctor/checks/machine.ts';
import { judgeRuntime, type RuntimeFacts } from '../../src/doctor/checks/runtime.ts';
import {
  judgeRuntimeConfig,
  type RuntimeConfigFacts,
} from '../../src/doctor/checks/runtime-config.ts';
import { type Row, shown, UNREACHABLE } from './support.ts';

const SOCKET = '/run/containerd/containerd.sock';

describe('the runtime', () => {
  const down = { socket: SOCKET, version: UNREACHABLE };
  const rows: Row<RuntimeFacts>[] = [
    [
      'answers',
      {
        socket: SOCKET,
        file: 'socket',
        version: { ok: true, value: { name: 'containerd', version: '2.4' } },
      },
      ['ok', 'ok'],
    ],
    ['has no socket', { ...down, file: 'no-file' }, ['fail', 'socket-missing'], /k3s/],
    ['is not mounted', { ...down, file: 'no-directory' }, ['fail', 'socket-missing'], /mount/],
    ['has a file for a socket', { ...down, file: 'no-socket' }, ['fail', 'no-socket']],
    ['may not be asked', { ...down, file: 'no-right' }, ['fail', 'forbidden'], /root/],
    ['hangs', { ...down, file: 'socket' }, ['fail', 'runtime-silent'], /log of the runtime/],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeRuntime(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the configuration of the runtime', () => {
  const root = '/var/lib/containerd';
  const settings = { ok: true, value: { rootDir: root, unmet: [] } } as const;
  const good = { settings, root, tmp: '/tmp' };
  const rows: Row<RuntimeConfigFacts>[] = [
    ['fits', { ...good, runtimeTmp: '/tmp' }, ['ok', 'ok']],
    [
      'names another root',
      { ...good, root: '/var/lib/rancher' },
      ['warn', 'other-root'],
      /Set runtime\.root to \/var\/lib\/containerd/,
    ],
    [
      'names another TMPDIR',
      { ...good, runtimeTmp: '/var/tmp' },
      ['warn', 'other-tmp'],
      /Set runtime\.tmp to \/var\/tmp/,
    ],
    [
      'has no network',
      { settings: { ok: true, value: { unmet: ['NetworkReady: no CNI'] } }, root, tmp: '/tmp' },
      ['warn', 'not-ready'],
      /no CNI/,
    ],
    [
      'cannot be asked for',
      { settings: UNREACHABLE, root, tmp: '/' },
      ['skipped', 'runtime-silent'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeRuntimeConfig(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('CRIU', () => {
  const none = { kind: 'no-container' } as const;
  const host = { kind: 'unseen' } as const;
  const tried = { kind: 'tried', path: '/usr/sbin/criu', version: 'criu 3.17.1' } as const;
  const refused = (text: string, code = 'runtime-failed'): CriuFacts => ({
    said: fromRefusal({ code, message: text, hint: '' }, text),
    host,
  });
  const rows: Row<CriuFacts>[] = [
    [
      'is missing (containerd 2.0)',
      refused(
        'CRIU binary not found or too old (<31600). Failed to checkpoint container "x": failed to ' +
          'check for criu version: exec: "criu": executable file not found in $PATH',
      ),
      ['fail', 'criu-missing'],
      /install CRIU/,
    ],
    [
      'is missing (containerd 2.4)',
      refused(
        'failed to checkpoint container "x": criu binary not found in shim path or system PATH',
      ),
      ['fail', 'criu-missing'],
      /restart the runtime/,
    ],
    [
      'is too old for the runtime',
      refused('checkpoint/restore requires at least CRIU 31600, current version is 31100'),
      ['fail', 'criu-too-old'],
      /31100/,
    ],
    [
      'is switched off in containerd',
      refused('criu support is disabled by configuration'),
      ['fail', 'criu-disabled'],
      /enable_criu/,
    ],
    [
      'is switched off in CRI-O',
      refused('checkpoint/restore support not available'),
      ['fail', 'criu-disabled'],
    ],
    [
      'is not known to a runtime that cannot checkpoint',
      refused('method CheckpointContainer not implemented', 'unsupported'),
      ['fail', 'runtime-unsupported'],
      /containerd 2.0/,
    ],
    [
      'is there, but nothing proves that it works',
      refused('an error occurred when trying to find container "x": not found', 'not-found'),
      ['warn', 'not-proven'],
      /--canary/,
    ],
    [
      'cannot work on this kernel, whatever its version is',
      { said: none, host: { ...tried, works: false, said: 'Unexpected rt vDSO area bounds' } },
      ['fail', 'criu-too-old'],
      /3\.17\.1 .*vDSO/,
    ],
    [
      'says itself that it works',
      { said: none, host: { ...tried, works: true, said: 'Looks good.' } },
      ['ok', 'ok'],
    ],
    ['is proved by a capture', { said: none, host, provenMs: 0 }, ['ok', 'ok'], /1970-01-01/],
    [
      'failed a canary after that',
      { said: none, host, provenMs: 0, canaryFailedMs: 1 },
      ['fail', 'canary-failed'],
    ],
    [
      'cannot be asked for',
      { said: { kind: 'silent', error: UNREACHABLE.error }, host },
      ['skipped', 'runtime-silent'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeCriu(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('what the last captures say of CRIU', () => {
  const canary = 'stillpoint/stillpoint-canary-1/canary';
  const at = (acceptedMs: number, state: string, target = 'shop/cart/app') => ({
    acceptedMs,
    state,
    target,
  });
  it.each([
    ['nothing, without any', [], {}],
    ['that it worked', [at(1, 'recorded'), at(2, 'refused')], { provenMs: 1 }],
    ['nothing by the failure of a workload', [at(1, 'failed')], {}],
    [
      'that it does not work',
      [at(1, 'recorded'), at(2, 'failed', canary)],
      { provenMs: 1, canaryFailedMs: 2 },
    ],
    ['that it works again', [at(1, 'failed', canary), at(2, 'recorded')], { provenMs: 2 }],
  ])('is %s', (_, recent, expected) => {
    expect(lookBack(recent)).toEqual(expected);
  });
});

describe('the cgroups', () => {
  const tree = { kind: 'found', version: 2 } as const;
  const found = (value: object) => ({
    tree,
    root: '/sys/fs/cgroup',
    driver: 'systemd',
    container: { ok: true, value: { name: 'shop/cart/app', located: true, ...value } } as const,
  });
  const nobody = { tree, root: '/', container: { ok: true, value: undefined } } as const;
  const rows: Row<CgroupFacts>[] = [
    ['are seen', found({ freezer: 'thawed', writable: true }), ['ok', 'ok'], /v2, driver systemd/],
    ['hold no container', nobody, ['ok', 'ok']],
    [
      'are not mounted',
      { ...nobody, tree: { kind: 'none', error: UNREACHABLE.error } },
      ['fail', 'no-cgroups'],
      /cgroupRoot/,
    ],
    ['are those of the pod', found({ located: false }), ['fail', 'not-located'], /hostPID/],
    ['have no freezer', found({}), ['warn', 'freezer-unreadable']],
    [
      'are read-only',
      found({ freezer: 'thawed', writable: false }),
      ['warn', 'freezer-read-only'],
      /writable/,
    ],
    [
      'cannot be looked at without /proc',
      {
        ...nobody,
        container: { ok: false, error: { code: 'unsupported', message: 'no', hint: '' } },
      },
      ['fail', 'proc-unreadable'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeCgroups(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the checkpoints directory', () => {
  const path = '/var/lib/kubelet/checkpoints';
  const directory = { kind: 'directory', path, ownerUid: 0, mode: 0o700 } as const;
  const trial = (code: string) => ({
    directory: { ...directory, trial: { ok: false, code, message: code } as const },
  });
  const good = { directory: { ...directory, trial: { ok: true } as const } };
  const lies = (device: string, inside: string) =>
    ({ point: path, device, inside, readOnly: false }) as const;
  const rows: Row<CheckpointsDirectoryFacts>[] = [
    ['is right', { ...good, kubeletWritesTo: path }, ['ok', 'ok']],
    ['is read-only', trial('EROFS'), ['fail', 'read-only'], /writable/],
    ['is on a full disk', trial('ENOSPC'), ['fail', 'disk-full'], /Free space/],
    ['is not ours to write', trial('EACCES'), ['fail', 'not-writable']],
    [
      'is not there',
      { directory: { kind: 'missing', path, parentExists: true } },
      ['fail', 'missing'],
      /mkdir -m 0700/,
    ],
    [
      'is not mounted',
      { directory: { kind: 'missing', path, parentExists: false } },
      ['fail', 'missing'],
      /mount/,
    ],
    [
      'is a link',
      { directory: { kind: 'no-directory', path, is: 'link' } },
      ['fail', 'no-directory'],
      /not followed/,
    ],
    [
      'is another than the kubelet writes to',
      { ...good, kubeletWritesTo: '/data/kubelet/checkpoints' },
      ['fail', 'other-directory'],
      /Set rootDir to \/data\/kubelet;/,
    ],
    [
      'is read-only for the node alone',
      { ...good, ours: lies('254:0', path), nodes: { ...lies('254:0', path), readOnly: true } },
      ['fail', 'read-only'],
      /for the kubelet/,
    ],
    [
      'leads elsewhere through a link, so that nothing is said',
      { ...good, ours: lies('254:16', path), nodes: { ...lies('254:0', path), readOnly: true } },
      ['ok', 'ok'],
    ],
    [
      'is on the root of the container',
      { ...good, ours: { ...lies('0:50', path), point: '/' }, nodes: lies('254:0', path) },
      ['fail', 'other-mount'],
      /hostPath/,
    ],
    [
      'is a volume of the pod',
      {
        ...good,
        ours: lies('254:0', '/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/c'),
        nodes: lies('254:0', path),
      },
      ['fail', 'other-mount'],
    ],
    [
      'is open to all',
      { directory: { ...good.directory, mode: 0o755 } },
      ['warn', 'too-open'],
      /chmod 0700/,
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeCheckpointsDirectory(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the disks', () => {
  const GIB = 2 ** 30;
  const path = '/var/lib/kubelet/checkpoints';
  const place = (freeGiB: number, inMemory = false) =>
    ({
      key: 'checkpointsDir',
      path,
      space: {
        ok: true,
        value: { path, device: 1, totalBytes: 100 * GIB, availableBytes: freeGiB * GIB },
      },
      inMemory,
    }) as const;
  const evictionHard = { ok: true, value: { 'nodefs.available': '10%' } } as const;
  const rows: Row<DiskFacts>[] = [
    ['have room', { places: [place(16)], evictionHard }, ['ok', 'ok'], /16 GiB/],
    ['are full', { places: [place(0)], evictionHard }, ['fail', 'disk-low'], /Free space/],
    [
      'are within 5 % of the threshold of the kubelet',
      { places: [place(15)], evictionHard },
      ['fail', 'disk-low'],
      /15 GiB must stay/,
    ],
    [
      'are judged by the defaults of a kubelet that does not tell',
      { places: [place(20)], evictionHard: { ok: true, value: undefined } },
      ['fail', 'disk-low'],
    ],
    ['lie in memory', { places: [place(50, true)], evictionHard }, ['warn', 'in-memory'], /TMPDIR/],
    [
      'of the runtime cannot be seen',
      {
        places: [{ key: 'runtime.tmp', path: '/tmp', space: UNREACHABLE, inMemory: false }],
        evictionHard,
      },
      ['warn', 'not-seen'],
      /mount it at the same path/,
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeDisks(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the machine', () => {
  const rows: Row<MachineFacts>[] = [
    ['is right', { platform: 'linux', architecture: 'arm64', kernel: '6.1' }, ['ok', 'ok']],
    ['is a Mac', { platform: 'darwin', architecture: 'arm64', kernel: '' }, ['fail', 'not-linux']],
    [
      'is 32-bit',
      { platform: 'linux', architecture: 'ia32', kernel: '' },
      ['fail', 'architecture'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code]) => {
    const findings = judgeMachine(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(/./);
  });
});
