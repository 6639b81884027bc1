import type { FailureClass } from './failure.ts';

/** Texts that name a class, in the words of CRIU, runc, containerd, CRI-O and the kubelet. */
interface Pattern {
  failure: FailureClass;
  /** All of these must occur in the text. */
  all: readonly string[];
}

function means(failure: FailureClass, ...all: string[]): Pattern {
  return { failure, all };
}

/**
 * CRIU's own words, in dump.log or quoted by the runtime. They name the cause, so they are looked
 * for first. Not every line that CRIU tags as an error is one: only known causes count.
 */
const criuPatterns: readonly Pattern[] = [
  means('disk-full', 'No space left on device'),
  means('established-tcp', 'Connected TCP socket, consider using --tcp-established'),
  means('established-tcp', 'In-flight connection'),
  means('external-socket', 'External socket is used. Consider using --ext-unix-sk'),
  means('external-socket', "Can't dump half of stream unix connection"),
  means('external-socket', "Can't dump name-less external socket"),
  means('file-locks', 'Some file locks are hold by dumping tasks'),
  means('ghost-file', "Can't dump ghost file", 'increase limit'),
  means('io-uring', 'anon_inode:[io_uring]'),
  means('device', "Can't dump file", 'of that type', '(chr '),
  means('exec-session', 'A session leader of', 'is outside of its pid namespace'),
  means('exec-session', 'Found dangling tty'),
  means('freeze-failed', 'Unable to freeze cgroup'),
  means('freeze-failed', 'Timeout reached. Try to interrupt'),
  means('criu-too-old', 'Could not initialize kernel features detection'),
  means('criu-too-old', 'Unexpected rt vDSO area bounds'),
  // Linux 6.16 knows SO_PASSCRED and SO_PASSSEC no more of a TCP or UDP socket; CRIU since 4.2.
  means('criu-too-old', "sockets: Can't get 1:16 opt: Operation not supported"),
];

/** What the runtimes and the kubelet say around it, most telling first. */
const runtimePatterns: readonly Pattern[] = [
  means('disk-full', 'no space left on device'),
  means('criu-too-old', 'checkpoint/restore requires at least CRIU'),
  means('criu-disabled', 'criu support is disabled by configuration'),
  means('criu-disabled', 'checkpoint/restore support not available'),
  means('criu-missing', 'criu binary not found'),
  means('criu-missing', 'exec: "criu": executable file not found'),
  means('criu-missing', 'failed to retrieve criu version'),
  means('criu-missing', 'CRIU binary not found or too old'),
  means('criu-missing', 'check for CRIU'),
  means('runtime-unsupported', 'method CheckpointContainer not implemented'),
  means('runtime-unsupported', 'unknown method CheckpointContainer'),
  means('runtime-unsupported', 'checkpointing not implemented for runtimeVM'),
  means('runtime-unsupported', 'configured runtime does not support checkpoint/restore'),
  means('not-running', 'only CONTAINER_RUNNING containers can be checkpointed'),
  means('not-running', 'Container cannot be checkpointed in'),
  means('not-running', 'container', 'is not running'),
  means('target-gone', 'an error occurred when trying to find container'),
  means('target-gone', 'an error occurred when try to find container'),
  means('target-gone', 'could not find container'),
  means('target-gone', 'failed to get task for container', 'not found'),
  means('other-checkpoint', 'failed to create diff tar stream', 'ctrd-checkpoint'),
  means('other-checkpoint', 'containerd.io/checkpoint/', 'already exists'),
  means('other-checkpoint', 'cannot pause a paused container'),
  means('freeze-failed', 'failed to pause container'),
  means('freeze-failed', 'OCI runtime pause failed'),
  means('freeze-failed', 'unable to freeze'),
  means('timeout', 'DeadlineExceeded'),
  means('timeout', 'context deadline exceeded'),
];

/**
 * Names a failed checkpoint by the runtime's error text and, when it could be read, CRIU's log.
 * Pure. `unknown` for words that nobody has named yet; the caller keeps the text.
 */
export function classifyFailure(runtimeText: string, dumpLog = ''): FailureClass {
  return (
    find(criuPatterns, `${dumpLog}\n${runtimeText}`) ??
    find(runtimePatterns, runtimeText) ??
    'unknown'
  );
}

/**
 * Classes that may only say that there was nothing left to freeze, to dump or to pack. Not told by
 * words: runc says `container not running` of one that somebody else has frozen, too, and containerd
 * misses files of a checkpoint that another one, or the end of the container, took away.
 */
const MAY_BE_DEATH: ReadonlySet<FailureClass> = new Set([
  'unknown',
  'freeze-failed',
  'not-running',
  'other-checkpoint',
]);

/**
 * The class of a failure after which the container was found dead, though the guard had seen it
 * run. A cause that CRIU or the runtime named stays: it would have failed alive, too. Pure.
 */
export function classifyDeath(failure: FailureClass): FailureClass {
  return MAY_BE_DEATH.has(failure) ? 'died-during-capture' : failure;
}

function find(patterns: readonly Pattern[], text: string): FailureClass | undefined {
  return patterns.find(({ all }) => all.every((part) => text.includes(part)))?.failure;
}
