import { formatDuration } from '../base/index.ts';
import type { ProbeFact } from '../signal/index.ts';

/** How long a container may stand still before a probe gets it killed. */
export interface ProbeBudget {
  limitMs: number;
  /** `liveness httpGet, every 10s, 3 failures`. */
  probe: string;
}

/**
 * The tightest budget that a stop of `freezeMs` would touch; undefined when no probe minds it.
 *
 * A probe kills after `failureThreshold` failures in a row. The first may begin just before the
 * freeze, so that (threshold - 1) periods and one timeout are enough to fail them all. The limit
 * leaves out that last timeout; with a threshold of 1 it is half a timeout. What counts:
 * - liveness always; startup only while it may still be running, that is before the container is
 *   older than its whole budget; readiness never (it takes the pod out of service, kills nothing);
 * - httpGet and grpc always: nobody answers them; exec once the stop may exceed its timeout (a
 *   shorter one waits in the shim and succeeds); tcpSocket never: the kernel accepts for a frozen
 *   process.
 */
export function probeBudget(
  probes: readonly ProbeFact[],
  freezeMs: number,
  runningForMs: number,
): ProbeBudget | undefined {
  let tightest: ProbeBudget | undefined;
  for (const probe of probes) {
    if (!counts(probe, freezeMs, runningForMs)) continue;
    const limitMs = Math.max((probe.failureThreshold - 1) * probe.periodMs, probe.timeoutMs / 2);
    if (!tightest || limitMs < tightest.limitMs) tightest = { limitMs, probe: describe(probe) };
  }
  return tightest;
}

function counts(probe: ProbeFact, freezeMs: number, runningForMs: number): boolean {
  if (probe.type === 'readiness' || probe.handler === 'tcpSocket') return false;
  if (probe.type === 'startup' && runningForMs > 2 * probe.periodMs * probe.failureThreshold) {
    return false;
  }
  return probe.handler !== 'exec' || freezeMs >= probe.timeoutMs;
}

function describe(probe: ProbeFact): string {
  const { type, handler, periodMs, failureThreshold } = probe;
  const failures = failureThreshold === 1 ? '1 failure' : `${failureThreshold} failures`;
  return `${type} ${handler}, every ${formatDuration(periodMs)}, ${failures}`;
}
