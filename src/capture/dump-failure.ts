import { isStillpointError, messageOf } from '../base/index.ts';
import { classifyFailure } from './classify.ts';
import { errorLinesOf, readLogTail, saysItEnded } from './dump-log.ts';
import type { FailureClass } from './failure.ts';

/** How a dump that failed ended. */
export interface DumpEnd {
  failure: FailureClass;
  message: string;
  /** CRIU may still be at work. */
  mayFinishLater: boolean;
}

export interface DumpCircumstances {
  /** CRIU's log in our own work directory. */
  logPath: string;
  /** Our time limit gave the call up. */
  timedOut: boolean;
  timeoutMs: number;
}

/** What a failed Tasks.Checkpoint means, with CRIU's own words where it left some. */
export async function judgeDumpError(
  error: unknown,
  circumstances: DumpCircumstances,
): Promise<DumpEnd> {
  return judgeDump(error, { ...circumstances, log: await readLogTail(circumstances.logPath) });
}

/** runc waits for CRIU, so that CRIU has ended with a runc that ended by itself. */
const RUNC_ENDED = /\bexit status 1\b/;

/** Pure. */
export function judgeDump(
  error: unknown,
  { log, timedOut, timeoutMs }: Omit<DumpCircumstances, 'logPath'> & { log: string },
): DumpEnd {
  if (!isStillpointError(error)) throw error;
  const text = error.details.grpcText;
  const said = typeof text === 'string' ? text : messageOf(error);
  const message = [said, ...errorLinesOf(log)].join('\n');
  const ended = (failure: FailureClass) => ({ failure, message, mayFinishLater: false });
  const cutOff = (failure: FailureClass) => ({ failure, message, mayFinishLater: true });
  switch (error.code) {
    case 'cancelled':
      if (!timedOut) return cutOff('cancelled');
      return { ...cutOff('timeout'), message: `no answer within ${timeoutMs / 1_000} s` };
    case 'unreachable':
      return cutOff('unreachable');
    case 'not-found':
      return ended('target-gone');
    case 'unsupported':
      return ended('runtime-unsupported');
    default: {
      const failure = classifyFailure(said, log);
      return saysItEnded(log) || RUNC_ENDED.test(said) ? ended(failure) : cutOff(failure);
    }
  }
}
