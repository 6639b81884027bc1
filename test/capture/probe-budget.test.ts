import { describe, expect, it } from '@jest/globals';
import { probeBudget } from '../../src/capture/probe-budget.ts';
import type { ProbeFact } from '../../src/signal/index.ts';

function probe(change: Partial<ProbeFact>): ProbeFact {
  return {
    type: 'liveness',
    handler: 'httpGet',
    periodMs: 10_000,
    timeoutMs: 1_000,
    failureThreshold: 3,
    ...change,
  };
}

const HOUR_MS = 3_600_000;

describe('the budget of the probes', () => {
  it.each<[string, ProbeFact, number, number | undefined]>([
    ['two of three periods for httpGet', probe({}), 100, 20_000],
    ['the same for grpc', probe({ handler: 'grpc' }), 100, 20_000],
    ['none for tcpSocket: the kernel answers', probe({ handler: 'tcpSocket' }), 60_000, undefined],
    ['none for readiness', probe({ type: 'readiness' }), 60_000, undefined],
    [
      'none for exec while the stop is under its timeout',
      probe({ handler: 'exec' }),
      999,
      undefined,
    ],
    ['two periods for exec once the stop may exceed it', probe({ handler: 'exec' }), 1_000, 20_000],
    ['half a timeout when one failure kills', probe({ failureThreshold: 1 }), 100, 500],
  ])('is %s', (_, given, freezeMs, limitMs) => {
    expect(probeBudget([given], freezeMs, HOUR_MS)?.limitMs).toBe(limitMs);
  });

  it('is the tightest of all probes, and names it', () => {
    const tight = probe({ handler: 'grpc', periodMs: 1_000, failureThreshold: 2 });
    expect(probeBudget([probe({}), tight], 100, HOUR_MS)).toEqual({
      limitMs: 1_000,
      probe: 'liveness grpc, every 1s, 2 failures',
    });
  });

  it('counts a startup probe only while the container may still be starting', () => {
    const startup = probe({ type: 'startup' });
    expect(probeBudget([startup], 100, 60_000)?.limitMs).toBe(20_000);
    expect(probeBudget([startup], 100, 60_001)).toBeUndefined();
  });
});
