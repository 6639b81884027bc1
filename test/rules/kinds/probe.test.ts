import { describe, expect, it } from '@jest/globals';
import { noteRefused, restoreState, saveState } from '../../../src/rules/index.ts';
import type { ProbeFact, ProbeSignal } from '../../../src/signal/index.ts';
import {
  type Bench,
  benchOf,
  brief,
  event,
  id,
  pod,
  podChanged,
  running,
  START_MS,
} from '../support/bench.ts';
import { probeWatches } from '../support/watched.ts';

const spec = (when: string) => `when: { probe: { ${when} } }\ntarget: {}\nlimits: { cooldown: 0s }`;

function probeFact(type: ProbeFact['type'], failureThreshold = 3): ProbeFact {
  return { type, handler: 'httpGet', periodMs: 10_000, timeoutMs: 1_000, failureThreshold };
}

const probes = [probeFact('liveness'), probeFact('readiness', 5), probeFact('startup')];

function startOf(when: string): Bench {
  const bench = benchOf({ sick: spec(when) });
  bench.at(0, podChanged(pod({ containers: [running('app', { probes })] }), true));
  return bench;
}

function counted(failures: number, successes = 0, more: Partial<ProbeSignal> = {}): ProbeSignal {
  const target = {
    namespace: 'shop',
    pod: 'cart',
    podUid: 'uid-cart',
    container: 'app',
    containerId: id('aaaaaaaaaaaa'),
  };
  const times = { occurredMs: START_MS, seenMs: START_MS };
  return { kind: 'probe', target, type: 'liveness', failures, successes, ...times, ...more };
}

function told(ms: number, message = 'Liveness probe failed: HTTP probe failed', countDelta = 1) {
  return event({ message, countDelta, occurredMs: START_MS + ms });
}

describe('a probe rule, by the counters of the kubelet', () => {
  it('fires at the failure that makes the row long enough, and says when the kill comes', () => {
    const bench = startOf('type: liveness, failures: 2');
    expect(bench.at(1_000, counted(1))).toMatchObject([
      { reason: 'window-open', detail: 'liveness probe failed 1 in a row, 2 needed' },
    ]);
    expect(bench.at(11_000, counted(1))).toMatchObject([
      { reason: 'fired', deathExpectedAtMs: START_MS + 21_000 },
    ]);
  });

  it('begins anew after a success', () => {
    const bench = startOf('type: liveness, failures: 2');
    bench.at(1_000, counted(1));
    bench.at(11_000, counted(0, 1));
    expect(bench.at(21_000, counted(1)).map(brief)).toEqual(['window-open sick shop/cart/app']);
  });

  it('counts one failure when a look saw both results: nobody knows their order', () => {
    const bench = startOf('type: liveness, failures: 2');
    bench.at(1_000, counted(1));
    expect(bench.at(6_000, counted(3, 1)).map(brief)).toEqual(['window-open sick shop/cart/app']);
  });

  it('fires once of one row, and again of the next', () => {
    const bench = startOf('type: readiness, failures: 1');
    const failed = counted(1, 0, { type: 'readiness' });
    expect(bench.at(1_000, failed).map(brief)).toEqual(['fired sick shop/cart/app']);
    expect(bench.at(11_000, failed)).toEqual([]);
    bench.at(21_000, counted(0, 1, { type: 'readiness' }));
    expect(bench.at(31_000, failed)).toMatchObject([{ reason: 'fired' }]);
  });

  it.each<[ProbeFact['type'], number, number]>([
    ['liveness', 9, 3],
    ['startup', 9, 3],
    ['readiness', 9, 9],
  ])('of a %s probe waits for no more failures than come: %i → %i', (type, failures, needed) => {
    const bench = startOf(`type: ${type}, failures: ${failures}`);
    const reasons: string[] = [];
    for (let n = 1; n <= needed; n++) {
      for (const { reason } of bench.at(n * 10_000, counted(1, 0, { type }))) reasons.push(reason);
    }
    expect(reasons).toEqual([...Array(needed - 1).fill('window-open'), 'fired']);
  });

  it('passes over another probe, another life, and a container without such a probe', () => {
    const bench = startOf('type: liveness');
    expect(bench.at(1, counted(1, 0, { type: 'readiness' }))).toEqual([]);
    const former = { ...counted(1).target, containerId: id('bb') };
    expect(bench.at(2, counted(1, 0, { target: former }))).toEqual([]);
    bench.at(3, podChanged(pod()));
    expect(bench.at(4, counted(1))).toEqual([]);
  });

  it('begins anew in the next life', () => {
    const bench = startOf('type: liveness, failures: 2');
    bench.at(1_000, counted(1));
    const next = running('app', { probes, containerId: id('bb'), restartCount: 1 });
    bench.at(2_000, podChanged(pod({ containers: [next] })));
    const target = { ...counted(1).target, containerId: id('bb') };
    const [decision] = bench.at(3_000, counted(1, 0, { target }));
    expect(decision?.reason).toBe('window-open');
  });

  it('tries again at the next failure when a capture was refused', () => {
    const bench = benchOf({ sick: spec('type: readiness').replace('0s', '30s') });
    bench.at(0, podChanged(pod({ containers: [running('app', { probes })] }), true));
    const failed = counted(1, 0, { type: 'readiness' });
    bench.at(1_000, failed);
    const refused = { rule: 'sick', target: failed.target, reason: 'disk-low' } as const;
    noteRefused(bench.core, bench.state, refused, START_MS + 2_000);
    expect(bench.at(11_000, failed)).toMatchObject([{ reason: 'cooldown' }]);
    expect(bench.at(21_000, failed)).toEqual([]);
    expect(bench.at(41_000, failed)).toMatchObject([{ reason: 'fired' }]);
  });
});

describe('a probe rule, by Events', () => {
  it.each([
    ['Liveness probe failed: timeout', 'fired'],
    ['(combined from similar events): Liveness probe failed: timeout', 'fired'],
    ['Liveness probe errored and resulted in unknown state: rpc error', undefined],
    ['Readiness probe failed: timeout', undefined],
  ])('%s: %s', (message, reason) => {
    const [decision] = startOf('type: liveness').at(1_000, told(1_000, message));
    expect(decision?.reason).toBe(reason);
  });

  it('does not add what is both told and counted', () => {
    const bench = startOf('type: liveness, failures: 2');
    expect(bench.at(1_000, told(1_000))).toHaveLength(1);
    expect(bench.at(1_500, counted(1))).toEqual([]);
    expect(bench.at(11_000, told(11_000)).map(brief)).toEqual(['fired sick shop/cart/app']);
    expect(bench.at(11_500, counted(1))).toEqual([]);
  });

  it('goes on by the counters when the kubelet tells no more', () => {
    const bench = startOf('type: readiness, failures: 3');
    bench.at(1_000, told(1_000, 'Readiness probe failed: x'));
    const failed = counted(1, 0, { type: 'readiness' });
    bench.at(1_500, failed);
    expect(bench.at(11_500, failed)).toMatchObject([{ reason: 'window-open' }]);
    expect(bench.at(21_500, failed)).toMatchObject([{ reason: 'fired' }]);
  });

  it('takes a gap for a success where nothing is counted', () => {
    const bench = startOf('type: liveness, failures: 2');
    bench.at(1_000, told(1_000));
    expect(bench.at(22_001, told(22_001)).map(brief)).toEqual(['window-open sick shop/cart/app']);
    expect(bench.at(32_000, told(32_000)).map(brief)).toEqual(['fired sick shop/cart/app']);
  });

  it('passes over one of the life before', () => {
    const bench = startOf('type: liveness');
    expect(bench.at(1_000, told(-1))).toEqual([]);
  });
});

describe('what is kept and asked for', () => {
  it('remembers a row over a restart', () => {
    const bench = startOf('type: liveness, failures: 2');
    bench.at(1_000, counted(1));
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    bench.state = restoreState(bench.core, saved);
    expect(bench.at(11_000, counted(1))).toMatchObject([{ reason: 'fired' }]);
  });

  it('asks for the probes that a rule waits for, of containers that run', () => {
    const bench = startOf('type: readiness');
    const waiting = { kind: 'waiting', reason: 'x', message: '' } as const;
    const idle = running('app', { probes, state: waiting, containerId: id('cc') });
    bench.at(0, podChanged(pod({ name: 'b', uid: 'uid-b', containers: [idle] })));
    expect(probeWatches(bench.core, bench.state)).toEqual([
      {
        target: counted(1).target,
        kubeletPodUid: 'uid-cart',
        type: 'readiness',
        periodMs: 10_000,
      },
    ]);
  });
});
