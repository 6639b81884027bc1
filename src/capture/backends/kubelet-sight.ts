import { type Clock, isStillpointError } from '../../base/index.ts';
import type { CheckpointRefusal, CheckpointVerdict, KubeletClient } from '../../kube/index.ts';
import type { Availability } from '../backend.ts';

/** What is known of the kubelet from what it last said; nothing is asked for it. */
export interface KubeletSight {
  /** The same kubelet; how each call of it went is noted. */
  readonly kubelet: KubeletClient;
  /** What its answer to a checkpoint meant. */
  note(verdict: CheckpointVerdict): void;
  availability(): Availability;
}

/** Refusals that speak of the kubelet and of us, not of the container. */
const OF_THE_NODE: ReadonlySet<CheckpointRefusal> = new Set([
  'unauthorized',
  'forbidden',
  'endpoint-off',
  'method-not-allowed',
  'runtime-unsupported',
  'authorization-unavailable',
  'node-unknown',
  'kubelet-unreachable',
]);

interface Seen {
  atMs: number;
  why: string;
}

/**
 * Watches a kubelet. A connection that fails is forgotten with the next answer, whatever it says; a
 * refusal of the checkpoint itself (403, no endpoint) only with a checkpoint that is not refused.
 */
export function createKubeletSight(
  kubelet: KubeletClient,
  clock: Pick<Clock, 'wallMs'>,
): KubeletSight {
  let answeredAtMs: number | undefined;
  let away: Seen | undefined;
  let refused: Seen | undefined;
  const answered = () => {
    answeredAtMs = clock.wallMs();
    away = undefined;
  };
  const failed = (error: unknown) => {
    if (!isStillpointError(error) || error.code === 'cancelled') return;
    if (typeof error.details.status === 'number' && error.code !== 'unauthorized') answered();
    else away = { atMs: clock.wallMs(), why: `${error.code}: ${error.message}` };
  };
  const noted = async <T>(call: Promise<T>): Promise<T> => {
    try {
      const result = await call;
      answered();
      return result;
    } catch (error) {
      failed(error);
      throw error;
    }
  };
  return {
    kubelet: {
      get address() {
        return kubelet.address;
      },
      requestCheckpoint: (request, signal) => noted(kubelet.requestCheckpoint(request, signal)),
      config: () => noted(kubelet.config()),
      probeMetrics: (signal) => noted(kubelet.probeMetrics(signal)),
      close: () => kubelet.close(),
    },
    note(verdict) {
      refused =
        verdict.kind === 'refused' && OF_THE_NODE.has(verdict.code)
          ? { atMs: clock.wallMs(), why: `${verdict.code}: ${verdict.message}` }
          : undefined;
    },
    availability() {
      const where = `kubelet at ${kubelet.address}`;
      const trouble = away ?? refused;
      if (trouble) {
        return { kind: 'doubtful', why: `${where}, last seen ${at(trouble.atMs)}: ${trouble.why}` };
      }
      if (answeredAtMs === undefined) return { kind: 'doubtful', why: `${where}, not seen so far` };
      return { kind: 'available', why: `${where}, last answered ${at(answeredAtMs)}` };
    },
  };
}

function at(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
