import { type Clock, isStillpointError, messageOf } from '../../base/index.ts';
import type { RuntimeClient, RuntimeVersion } from '../../cri/index.ts';
import {
  type Availability,
  type Backend,
  type CheckpointReply,
  type CheckpointRequest,
  RUNTIME_COSTS,
} from '../backend.ts';
import { classifyFailure } from '../classify.ts';
import { withTimeLimit } from './time-limit.ts';

export interface CriBackendOptions {
  runtime: RuntimeClient;
  clock: Clock;
}

/** How long an answer to "are you there" is good for. */
const KNOWN_MS = 10_000;

/** The first release of each runtime that can checkpoint; others are tried. */
const FIRST_RELEASE: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  containerd: [2, 0],
  'cri-o': [1, 25],
};

/**
 * Checkpoints with CheckpointContainer on the runtime's own socket. The call never has a deadline:
 * one that expires makes containerd leave the container paused for ever; a cancel does not.
 */
export function createCriBackend({ runtime, clock }: CriBackendOptions): Backend {
  let known: { atMs: number; availability: Availability } | undefined;
  return {
    name: 'cri',
    choosesPath: true,
    costs: RUNTIME_COSTS,
    async availability() {
      const nowMs = clock.monotonicMs();
      if (known && nowMs - known.atMs < KNOWN_MS) return known.availability;
      const availability = await askAvailability(runtime);
      // Absence is not remembered: a runtime that restarts is back in a second.
      known = availability.kind === 'available' ? { atMs: nowMs, availability } : undefined;
      return availability;
    },
    async checkpoint(request, signal) {
      const limit = withTimeLimit(clock, request.timeoutMs, signal);
      try {
        await runtime.checkpoint(
          {
            containerId: request.target.containerId,
            location: request.archivePath,
            timeoutMs: request.timeoutMs,
          },
          limit.signal,
        );
        return { kind: 'done', archivePath: request.archivePath };
      } catch (error) {
        return judgeCriError(error, request, limit.timedOut());
      } finally {
        limit.end();
      }
    },
  };
}

async function askAvailability(runtime: RuntimeClient): Promise<Availability> {
  try {
    return judgeVersion(await runtime.version());
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    return { kind: 'absent', why: error.message };
  }
}

/** Whether that release can checkpoint. Pure. */
export function judgeVersion({ name, version }: RuntimeVersion): Availability {
  const first = FIRST_RELEASE[name];
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  const seen = `${name} ${version}`;
  if (!first || !match) return { kind: 'available', why: `${seen} answers` };
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const enough = major > first[0] || (major === first[0] && minor >= first[1]);
  if (enough) return { kind: 'available', why: `${seen} answers` };
  return { kind: 'absent', why: `${seen} cannot checkpoint, ${first.join('.')} and newer can` };
}

/** What a failed call means. Pure. */
export function judgeCriError(
  error: unknown,
  request: Pick<CheckpointRequest, 'timeoutMs'>,
  timedOut: boolean,
): CheckpointReply {
  if (!isStillpointError(error)) throw error;
  const text = error.details.grpcText;
  const message = typeof text === 'string' ? text : messageOf(error);
  const failed = (failure: (CheckpointReply & { kind: 'failed' })['failure'], cut = false) =>
    ({ kind: 'failed', failure, message, mayFinishLater: cut }) as const;
  switch (error.code) {
    case 'cancelled':
      if (!timedOut) return failed('cancelled', true);
      return {
        ...failed('timeout', true),
        message: `no answer within ${request.timeoutMs / 1_000} s`,
      };
    case 'timeout':
      return failed('timeout', true);
    case 'unreachable':
      return failed('unreachable', true);
    case 'not-found':
      return failed('target-gone');
    case 'unsupported':
      return failed('runtime-unsupported');
    default:
      return failed(classifyFailure(message));
  }
}
