import { dirname } from 'node:path';
import { type Clock, isStillpointError } from '../../base/index.ts';
import {
  type CheckpointRefusal,
  type CheckpointVerdict,
  effectiveTimeoutSeconds,
  judgeCheckpointReply,
  RUNTIME_REQUEST_TIMEOUT_MS_DEFAULT,
} from '../../kube/index.ts';
import { type Backend, type CheckpointReply, RUNTIME_COSTS } from '../backend.ts';
import { classifyFailure } from '../classify.ts';
import type { FailureClass } from '../failure.ts';
import type { KubeletSight } from './kubelet-sight.ts';
import { withTimeLimit } from './time-limit.ts';

export interface KubeletBackendOptions {
  sight: KubeletSight;
  clock: Clock;
  /** Where the kubelet is expected to write; anything else is a mistake in the configuration. */
  checkpointsDirectory: string;
}

/**
 * Added to the timeout that the kubelet is told: its own deadline must never pass, because it
 * leaves the container paused for ever. We give up first, by closing the connection, and so does
 * the operating system when the agent dies.
 */
const DEADLINE_MARGIN_MS = 600_000;

/** Checkpoints with POST /checkpoint of the kubelet, which chooses the archive's name. */
export function createKubeletBackend(options: KubeletBackendOptions): Backend {
  const { sight, clock, checkpointsDirectory } = options;
  return {
    name: 'kubelet',
    choosesPath: false,
    costs: RUNTIME_COSTS,
    availability: () => Promise.resolve(sight.availability()),
    async checkpoint({ target, timeoutMs }, signal) {
      const limit = withTimeLimit(clock, timeoutMs, signal);
      const timeoutSeconds = effectiveTimeoutSeconds(
        timeoutMs + DEADLINE_MARGIN_MS,
        RUNTIME_REQUEST_TIMEOUT_MS_DEFAULT,
      );
      try {
        const request = { ...target, timeoutSeconds };
        const reply = await sight.kubelet.requestCheckpoint(request, limit.signal);
        const verdict = judgeCheckpointReply(reply, target);
        sight.note(verdict);
        return fromVerdict(verdict, checkpointsDirectory);
      } catch (error) {
        return judgeKubeletError(error, timeoutMs, limit.timedOut());
      } finally {
        limit.end();
      }
    },
  };
}

/** What each refusal of the kubelet is in our classes; the runtime's own words are looked into. */
const classOfRefusal: Record<CheckpointRefusal, FailureClass> = {
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'pod-unknown': 'target-gone',
  'container-unknown': 'target-gone',
  'bad-timeout': 'unknown',
  'negative-timeout': 'unknown',
  'endpoint-off': 'criu-disabled',
  'method-not-allowed': 'unknown',
  'not-acceptable': 'unknown',
  'not-running': 'not-running',
  'runtime-unsupported': 'runtime-unsupported',
  'runtime-timeout': 'timeout',
  'runtime-cancelled': 'unreachable',
  'runtime-error': 'unknown',
  'kubelet-error': 'unknown',
  'authorization-unavailable': 'unreachable',
  'node-unknown': 'unreachable',
  'kubelet-unreachable': 'unreachable',
  'bad-answer': 'unknown',
};

/** Refusals after which the runtime may still be at work. */
const MAY_GO_ON: ReadonlySet<CheckpointRefusal> = new Set([
  'runtime-timeout',
  'runtime-cancelled',
  'kubelet-unreachable',
  'bad-answer',
]);

/** What the kubelet's verdict means for the capture. Pure. */
export function fromVerdict(
  verdict: CheckpointVerdict,
  checkpointsDirectory: string,
): CheckpointReply {
  if (verdict.kind === 'done') return fromArchivePath(verdict.archivePath, checkpointsDirectory);
  const { code, message, hint, rpc } = verdict;
  if (rpc?.code === 'Unavailable') {
    return { kind: 'failed', failure: 'unreachable', message, hint, mayFinishLater: true };
  }
  const named = classOfRefusal[code];
  const failure = named === 'unknown' ? classifyFailure(rpc?.text ?? message) : named;
  const mayFinishLater = MAY_GO_ON.has(code);
  return { kind: 'failed', failure, message, hint, mayFinishLater };
}

function fromArchivePath(archivePath: string, checkpointsDirectory: string): CheckpointReply {
  if (dirname(archivePath) === checkpointsDirectory) return { kind: 'done', archivePath };
  return {
    kind: 'failed',
    failure: 'wrong-directory',
    message: `the kubelet wrote ${archivePath}, but checkpointsDir is ${checkpointsDirectory}`,
    hint:
      `set checkpointsDir to ${dirname(archivePath)}; nobody keeps count of ${archivePath} or ` +
      'removes it, so remove it by hand, or it fills the disk',
    mayFinishLater: false,
  };
}

/** What it means that there was no reply at all. Pure. */
export function judgeKubeletError(
  error: unknown,
  timeoutMs: number,
  timedOut: boolean,
): CheckpointReply {
  if (!isStillpointError(error)) throw error;
  const { code, message } = error;
  const failed = (failure: FailureClass, mayFinishLater: boolean): CheckpointReply => {
    return { kind: 'failed', failure, message, hint: error.hint, mayFinishLater };
  };
  if (code === 'cancelled' && timedOut) {
    const text = `no answer within ${timeoutMs / 1_000} s, connection closed`;
    return { kind: 'failed', failure: 'timeout', message: text, mayFinishLater: true };
  }
  switch (code) {
    case 'cancelled':
      return failed('cancelled', true);
    // Without an address, credentials, or a connection that is trusted nothing was asked.
    case 'tls-untrusted':
    case 'bad-config':
    case 'unauthorized':
    case 'forbidden':
      return failed(code, false);
    case 'not-found':
    case 'timeout':
      return failed('unreachable', false);
    default:
      return failed('unreachable', true);
  }
}
