/** Named classes of failed checkpoints: what it is, what helps, whether trying again may help. */
export const failureClasses = {
  'established-tcp': {
    meaning: 'the container holds established TCP connections',
    hint:
      'set capture.options.tcpEstablished (containerd backend), or put tcp-established (or ' +
      'tcp-close) into /etc/criu/runc.conf on the node',
    retryable: true,
  },
  'external-socket': {
    meaning: 'a unix socket of the container leads out of it',
    hint:
      'set capture.options.externalUnixSockets (containerd backend), or put ext-unix-sk into ' +
      '/etc/criu/runc.conf on the node',
    retryable: false,
  },
  'file-locks': {
    meaning: 'the container holds file locks',
    hint:
      'set capture.options.fileLocks (containerd backend), or put file-locks into ' +
      '/etc/criu/runc.conf on the node',
    retryable: true,
  },
  'ghost-file': {
    meaning: 'a deleted file that is still open is larger than CRIU keeps',
    hint: 'raise ghost-limit in /etc/criu/runc.conf on the node',
    retryable: true,
  },
  'io-uring': {
    meaning: 'the container uses io_uring, which CRIU cannot dump',
    // UV_USE_IO_URING=0 is not enough: libuv 1.52 (Node.js 24) opens its rings all the same.
    hint: 'give the container seccompProfile RuntimeDefault, which denies io_uring (as for Node.js), or set kernel.io_uring_disabled=2 on the node',
    retryable: false,
  },
  device: {
    meaning: 'the container has a device open that CRIU cannot dump (a GPU, for example)',
    hint: 'see the CRIU plugins for the device',
    retryable: false,
  },
  'exec-session': {
    meaning: 'a session from outside (kubectl exec, attach, a terminal) is open in the container',
    hint: 'end the session and try again',
    retryable: true,
  },
  'other-checkpoint': {
    meaning: 'another checkpoint of the same container ran at the same moment',
    hint: 'let one tool at a time checkpoint a container',
    retryable: true,
  },
  'wrong-directory': {
    meaning: 'the kubelet wrote the archive outside of the configured checkpoints directory',
    hint:
      'set checkpointsDir to the directory `checkpoints` below the --root-dir of the kubelet, and ' +
      'remove the archives there by hand: nobody keeps count of them',
    retryable: false,
  },
  'criu-missing': {
    meaning: 'CRIU is not installed where the runtime looks for it',
    hint: 'install CRIU on the node, then restart the runtime: containerd remembers that it was missing',
    retryable: false,
  },
  'criu-too-old': {
    meaning: 'CRIU is too old for the runtime or for the kernel of the node',
    hint: 'install CRIU 3.16 or newer; on kernels 6.x at least 4.0; from 6.16 on 4.2, without which no container with a TCP or UDP socket can be dumped',
    retryable: false,
  },
  'criu-disabled': {
    meaning: 'checkpoints are switched off in the runtime or the kubelet',
    hint: 'see enable_criu (containerd), enable_criu_support (CRI-O), feature gate ContainerCheckpoint',
    retryable: false,
  },
  'not-running': {
    meaning: 'the container did not run when the checkpoint began',
    hint: 'only a running container can be captured',
    retryable: false,
  },
  'died-during-capture': {
    meaning:
      'the container ended or was killed (out of memory, a probe, its pod deleted) while it was ' +
      'captured',
    hint: 'capture earlier: a lower `above` or a higher `orFullWithin`, the first failed probe',
    retryable: false,
  },
  'target-gone': {
    meaning: 'the kubelet or the runtime does not know the pod or container',
    hint: 'it was deleted or has moved',
    retryable: false,
  },
  forbidden: {
    meaning: 'the kubelet refuses our right',
    hint: 'grant `create` on `nodes/checkpoint` to the service account of the agent',
    retryable: true,
  },
  unauthorized: {
    meaning: 'the kubelet does not accept our identity',
    hint: 'check the service account token and the webhook authentication of the kubelet',
    retryable: true,
  },
  'tls-untrusted': {
    meaning: 'the certificate of the kubelet or of the API server cannot be verified',
    hint: 'name its CA (kubelet.tls.ca), the name in it (kubelet.tls.serverName), or pin it',
    retryable: true,
  },
  'bad-config': {
    meaning: 'a file or a setting that the way to the kubelet needs cannot be used',
    hint: 'correct what the message names; the file is read again at the next capture',
    retryable: true,
  },
  'disk-full': {
    meaning: 'a disk was full while the archive was written',
    hint: 'free space; nothing of the archive was kept',
    retryable: true,
  },
  'runtime-unsupported': {
    meaning: 'the runtime or the runtime class cannot checkpoint',
    hint: 'containerd 2.0 or CRI-O 1.25 and newer can; virtual-machine runtimes cannot',
    retryable: false,
  },
  timeout: {
    meaning: 'the call took longer than allowed and was given up',
    hint: 'raise capture.timeout; an archive that appears later is found and adopted',
    retryable: true,
  },
  unreachable: {
    meaning: 'the kubelet or the runtime did not answer',
    hint: 'it may be restarting; try again',
    retryable: true,
  },
  'freeze-failed': {
    meaning: 'the processes could not be frozen in time',
    hint: 'a process hangs in the kernel (state D), or the node is too busy: try again',
    retryable: true,
  },
  cancelled: {
    meaning: 'the agent stopped or ended before the checkpoint was whole',
    hint: 'while the container runs, capture it by hand: stillpoint capture NAMESPACE/POD/CONTAINER',
    retryable: true,
  },
  'archive-broken': {
    meaning: 'the runtime reported success but the archive is not complete',
    hint: 'see the log of the runtime on the node',
    retryable: true,
  },
  unknown: {
    meaning: 'the runtime failed in a way that has no name yet',
    hint: 'see the message and the log of the runtime on the node',
    retryable: true,
  },
} as const satisfies Record<string, { meaning: string; hint: string; retryable: boolean }>;

export type FailureClass = keyof typeof failureClasses;
