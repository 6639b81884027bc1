import { type Clock, isStillpointError, messageOf } from '../base/index.ts';
import { classifyFailure } from './classify.ts';
import { errorLinesOf, readLogTail, saysItEnded } from './dump-log.ts';
import type { FailureClass } from './failure.ts';
import { within } from './within.ts';

/** How a dump that failed ended. */
export interface DumpEnd {
  failure: FailureClass;
  message: string;
  /** CRIU may still be at work. */
  mayFinishLater: boolean;
}

/**
 * The proof that the container runs comes after this; a disk that hangs must not keep it from
 * beginning. Without the log a dump counts as one that may go on.
 */
const LOG_MS_MAX = 1_000;

export interface DumpCircumstances {
  clock: Clock;
  /** CRIU's log in our own work directory. */
  logPath: string;
  /** Our time limit gave the call up. */
  timedOut: boolean;
  timeoutMs: number;
  /** Why the call was given up though nobody asked for it and there was time left. */
  givenUp?: string;
}

/** What a failed Tasks.Checkpoint means, with CRIU's own words where it left some. */
export async function judgeDumpError(
  error: unknown,
  circumstances: DumpCircumstances,
): Promise<DumpEnd> {
  const read = readLogTail(circumstances.logPath);
  const log = (await within(circumstances.clock, LOG_MS_MAX, read)) ?? '';
  return judgeDump(error, { ...circumstances, log });
}

/** runc waits for CRIU, so that CRIU has ended with a runc that ended by itself. */
const RUNC_ENDED = /\bexit status 1\b/;

type Judged = Omit<DumpCircumstances, 'logPath' | 'clock'> & { log: string };

/** Pure. */
export function judgeDump(error: unknown, { log, timedOut, timeoutMs, givenUp }: Judged): DumpEnd {
  if (!isStillpointError(error)) throw error;
  const text = error.details.grpcText;
  const said = typeof text === 'string' ? text : messageOf(error);
  const message = [said, ...errorLinesOf(log)].join('\n');
  const ended = (failure: FailureClass) => ({ failure, message, mayFinishLater: false });
  const cutOff = (failure: FailureClass) => ({ failure, message, mayFinishLater: true });
  switch (error.code) {
    case 'cancelled':
      if (givenUp !== undefined) return { ...cutOff('unreachable'), message: givenUp };
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
