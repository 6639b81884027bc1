import { constants } from 'node:os';

type Stopping = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/**
 * Resolves at the first SIGTERM or SIGINT (or what `signals` names), with its name. A second one
 * ends the process at once, for people who cannot wait.
 */
export function untilSignal(
  signals: readonly Stopping[] = ['SIGTERM', 'SIGINT'],
): Promise<Stopping> {
  return new Promise((resolve) => {
    const hear = (signal: NodeJS.Signals) => {
      for (const one of signals) {
        process.removeListener(one, hear);
        process.once(one, () => process.exit(exitCodeOfSignal(one)));
      }
      resolve(signal as Stopping);
    };
    for (const one of signals) process.once(one, hear);
  });
}

/** What a shell reports of a process that a signal ended. */
export function exitCodeOfSignal(signal: Stopping): number {
  return 128 + constants.signals[signal];
}
