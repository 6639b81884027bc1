/** One row of the registry. `exitCode` is what the CLI ends with. */
interface ErrorCodeInfo {
  meaning: string;
  hint: string;
  retryable: boolean;
  exitCode: number;
}

function row(meaning: string, hint: string, exitCode: number, retryable = false): ErrorCodeInfo {
  return { meaning, hint, retryable, exitCode };
}

/**
 * Every error code, with its meaning, what to do, and the exit code of the CLI.
 * Exit codes: 1 failed, 2 wrong use or bad input, 3 not reachable (try again), 4 refused for a
 * reason that is named, 5 an archive or record is not sound. A retired code is never used again.
 */
export const errorCodes = {
  internal: row(
    'A state that cannot exist: a mistake in Stillpoint itself.',
    'Please report it with the log lines around it.',
    1,
  ),
  usage: row('The command line is wrong.', 'See --help.', 2),
  'bad-config': row(
    'The configuration cannot be used.',
    'Correct the named lines; the program starts with none of a bad configuration.',
    2,
  ),
  'bad-input': row('Something from outside is not what it must be.', 'See the message.', 2),
  'too-large': row(
    'Something from outside is larger than the allowed size.',
    'Send less at once.',
    2,
  ),
  unreachable: row(
    'The other side does not answer.',
    'Check that it runs and that its address is right; Stillpoint goes on trying.',
    3,
    true,
  ),
  timeout: row('The other side did not answer in time.', 'Try again later.', 3, true),
  cancelled: row('The work was given up because we were asked to stop.', 'Nothing to do.', 1),
  unauthorized: row(
    'The other side does not accept our identity.',
    'Check the token or the client certificate.',
    4,
  ),
  forbidden: row(
    'Our identity is known but lacks the right.',
    'Grant the named rule (RBAC) to the service account.',
    4,
  ),
  'tls-untrusted': row(
    'The certificate of the other side cannot be verified.',
    'Name its CA, its server name, or pin its certificate; verification is never switched off.',
    4,
  ),
  'not-found': row('The named thing does not exist.', 'Check the name.', 4),
  conflict: row('Another piece of work holds it now.', 'Wait for the other to end.', 4, true),
  expired: row('The version asked for is no longer kept.', 'List again from the start.', 3, true),
  unsupported: row(
    'This node or runtime cannot do that.',
    'See the message for what is needed.',
    4,
  ),
  'not-running': row(
    'The container does not run, so there is nothing to checkpoint.',
    'Only a running container can be captured; see the rule kind crashLoop for the next life.',
    4,
  ),
  refused: row('A guard refused the capture.', 'The reason code says which guard.', 4),
  'runtime-failed': row(
    'The container runtime answered with an error.',
    'See the message and the log of the runtime on the node.',
    1,
  ),
  'disk-low': row(
    'The capture would push the disk towards the eviction threshold.',
    'Free space, prune archives, or move the checkpoints directory.',
    4,
    true,
  ),
  'not-writable': row(
    'A directory that must be writable is not.',
    'Check that it exists, its owner and mode, and whether the mount is read-only.',
    4,
  ),
  'archive-broken': row(
    'The archive is not complete or not readable.',
    'It is no evidence; capture again.',
    5,
  ),
  io: row(
    'The operating system reported an error on a file.',
    'Check the disk and the log of the kernel.',
    1,
    true,
  ),
  store: row(
    'The state database cannot be used.',
    'Check the disk and the permissions of the state directory.',
    1,
  ),
} as const satisfies Record<string, ErrorCodeInfo>;

/** The name of an error; see errorCodes. */
export type ErrorCode = keyof typeof errorCodes;
