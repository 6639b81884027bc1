import { describe, expect, it } from '@jest/globals';
import { classifyDeath, classifyFailure } from '../../src/capture/classify.ts';
import type { FailureClass } from '../../src/capture/index.ts';

const id = 'a'.repeat(64);
const runcFailed =
  `checkpointing container "${id}" failed: runc did not terminate successfully: exit status 1: ` +
  'criu failed: type DUMP errno 0 path= /run/containerd/io.containerd.runtime.v2.task/k8s.io/' +
  `${id}/criu-dump.log: unknown`;

const runtimeTexts: readonly [FailureClass, string][] = [
  [
    'criu-missing',
    'CRIU binary not found or too old (<31600). Failed to checkpoint container "x": failed to ' +
      'check for criu version: exec: "criu": executable file not found in $PATH',
  ],
  [
    'criu-too-old',
    'CRIU binary not found or too old (<31600). Failed to checkpoint container "x": ' +
      'checkpoint/restore requires at least CRIU 31600, current version is 31500',
  ],
  [
    'criu-disabled',
    'failed to checkpoint container "x": criu support is disabled by configuration',
  ],
  [
    'criu-missing',
    'failed to checkpoint container "x": criu binary not found in shim path or system PATH',
  ],
  [
    'criu-missing',
    'failed to checkpoint container "x": failed to retrieve criu version: exit status 1',
  ],
  [
    'criu-too-old',
    'failed to checkpoint container "x": checkpoint/restore requires at least CRIU 31600, ' +
      'current version is 30000',
  ],
  [
    'target-gone',
    'an error occurred when trying to find container the container status "x": not found',
  ],
  ['target-gone', 'an error occurred when try to find container "x": not found'],
  ['target-gone', 'failed to get task for container "x": no running task found: task x not found'],
  [
    'not-running',
    'container "x" is in CONTAINER_EXITED state. only CONTAINER_RUNNING containers can be ' +
      'checkpointed',
  ],
  ['disk-full', 'write /var/lib/kubelet/checkpoints/x.tar: no space left on device'],
  [
    'other-checkpoint',
    'failed to create diff tar stream: lstat /var/lib/containerd/io.containerd.grpc.v1.cri/' +
      'containers/x/ctrd-checkpoint/checkpoint/pstree.img: no such file or directory',
  ],
  ['other-checkpoint', 'image "containerd.io/checkpoint/x:08-22-2026-10:11:12": already exists'],
  [
    'freeze-failed',
    'checkpointing container "x" failed: OCI runtime pause failed: container not running',
  ],
  ['runtime-unsupported', 'method CheckpointContainer not implemented'],
  [
    'runtime-unsupported',
    'unknown method CheckpointContainer for service runtime.v1.RuntimeService',
  ],
  ['criu-disabled', 'checkpoint/restore support not available'],
  ['target-gone', 'could not find container "x": container with ID starting with x not found'],
  ['not-running', 'container x is not running'],
  ['freeze-failed', 'failed to pause container "x" before checkpointing: exit status 1'],
  [
    'runtime-unsupported',
    'failed to checkpoint container x: configured runtime does not support checkpoint/restore',
  ],
  ['runtime-unsupported', 'checkpointing not implemented for runtimeVM'],
  ['timeout', 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'],
  ['unknown', runcFailed],
  ['unknown', ''],
];

const logLines: readonly [FailureClass, string][] = [
  [
    'established-tcp',
    '(00.012345) Error (criu/sk-inet.c:203): inet: Connected TCP socket, consider using ' +
      '--tcp-established option.',
  ],
  ['established-tcp', '(00.01) Error (criu/sk-inet.c:1): inet: In-flight connection (l) for 4711'],
  [
    'external-socket',
    '(00.01) Error (criu/sk-unix.c:815): unix: External socket is used. Consider using ' +
      '--ext-unix-sk option.',
  ],
  [
    'external-socket',
    "(00.01) Error (criu/sk-unix.c:1): unix: Can't dump half of stream unix connection. name: /a; " +
      'peer name: /b',
  ],
  [
    'external-socket',
    "(00.01) Error (criu/sk-unix.c:1): unix: Can't dump name-less external socket.",
  ],
  [
    'file-locks',
    '(00.01) Error (criu/file-lock.c:1): Some file locks are hold by dumping tasks! You can try ' +
      '--file-locks to dump them.',
  ],
  [
    'ghost-file',
    "(00.01) Error (criu/files-reg.c:1): Can't dump ghost file /tmp/x of 2097152 size, increase limit",
  ],
  ['io-uring', '(00.01) Error (criu/proc_parse.c:1): Unknown shit 600 (anon_inode:[io_uring])'],
  [
    'device',
    "(00.01) Error (criu/files-ext.c:1): Can't dump file 7 of that type [20666] (chr 195:255)",
  ],
  [
    'exec-session',
    '(00.01) Error (criu/cr-dump.c:1): A session leader of 77(12) is outside of its pid namespace',
  ],
  [
    'exec-session',
    '(00.01) Error (criu/tty.c:1): tty: Found dangling tty with sid 5 pgid 6 (pts) on peer fd 0.',
  ],
  [
    'freeze-failed',
    '(10.01) Error (criu/seize.c:1): Unable to freeze cgroup /sys/fs/cgroup/freezer/x (100 ' +
      'attempts, timeout: 10s)',
  ],
  ['freeze-failed', '(10.01) Error (criu/seize.c:1): Timeout reached. Try to interrupt: 1'],
  [
    'criu-too-old',
    '(00.01) Error (criu/vdso.c:1): vdso: Unexpected rt vDSO area bounds\n(00.01) Error ' +
      '(criu/kerndat.c:1): Could not initialize kernel features detection.',
  ],
  [
    'criu-too-old',
    "(00.09) Error (criu/sockets.c:628): sockets: Can't get 1:16 opt: Operation not supported\n" +
      "(00.09) Error (criu/sockets.c:628): sockets: Can't get 1:34 opt: Operation not supported",
  ],
  ['disk-full', "(00.01) Error (criu/page-xfer.c:1): Can't write pages: No space left on device"],
];

describe('a failure after which the container is dead', () => {
  it.each<[FailureClass, FailureClass]>([
    ['unknown', 'died-during-capture'],
    ['freeze-failed', 'died-during-capture'],
    ['not-running', 'died-during-capture'],
    ['external-socket', 'external-socket'],
    ['other-checkpoint', 'died-during-capture'],
    ['disk-full', 'disk-full'],
    ['timeout', 'timeout'],
  ])('%s is %s', (named, failure) => {
    expect(classifyDeath(named)).toBe(failure);
  });
});

describe('failures are named', () => {
  it.each(runtimeTexts)('%s by the words of the runtime: %s', (failure, text) => {
    expect(classifyFailure(text)).toBe(failure);
  });

  it.each(logLines)('%s by the log of CRIU: %s', (failure, line) => {
    const harmless =
      "(00.00) Error (criu/rlimit.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: " +
      'Operation not permitted';
    const log = `${harmless}\n${line}\n(00.02) Error (criu/cr-dump.c:2): Dumping FAILED.`;
    expect(classifyFailure(runcFailed, log)).toBe(failure);
  });

  it('unknown when the log holds only lines that are no cause', () => {
    expect(classifyFailure(runcFailed, 'Error (criu/cr-dump.c:2): Dumping FAILED.')).toBe(
      'unknown',
    );
  });

  it('by the log quoted in the text, as CRI-O does', () => {
    const text = `running "/usr/bin/runc" failed: --- Quoting "dump.log":\n${logLines[5]?.[1]}`;
    expect(classifyFailure(text)).toBe('file-locks');
  });
});
