import { describe, expect, it } from '@jest/globals';
import { quietCounts, restoreState, saveState } from '../../../src/rules/index.ts';
import type { PodFact } from '../../../src/signal/index.ts';
import { benchOf, brief, id, pod, podChanged, running, START_MS } from '../support/bench.ts';

const spec = 'when: { terminating: { causes: [eviction], reserve: 50% } }\ntarget: {}';

/** The pod as it looks from the moment of its deletion, 1 s after the start, on. */
function deleted(more: Partial<PodFact> = {}): PodFact {
  const graceMs = more.terminationGraceMs ?? 30_000;
  return pod({
    deletingAtMs: START_MS + 1_000 + graceMs,
    disruptionReason: 'EvictionByEvictionAPI',
    ...more,
  });
}

function startOf(text = spec, fact: PodFact = pod()) {
  const bench = benchOf({ last: text });
  bench.at(0, podChanged(fact, true));
  return bench;
}

describe('a rule for terminating pods', () => {
  it('fires at the deletion, with the time by which the container must run again', () => {
    const [decision] = startOf().at(1_000, podChanged(deleted()));
    expect(decision).toMatchObject({
      verdict: 'fire',
      reason: 'fired',
      detail: 'drain, 30s of 30s grace left; runs again by 00:00:16Z',
      deathExpectedAtMs: START_MS + 31_000,
      capture: { via: 'auto', thawedByMs: START_MS + 16_000 },
    });
  });

  it.each<[string, string, string | undefined, boolean]>([
    ['a drain', 'drain', 'EvictionByEvictionAPI', true],
    ['a drain', 'eviction', 'EvictionByEvictionAPI', true],
    ['a drain', 'taint', 'EvictionByEvictionAPI', false],
    ['a taint', 'taint', 'DeletionByTaintManager', true],
    ['a taint', 'eviction', 'DeletionByTaintManager', true],
    ['a taint', 'drain', 'DeletionByTaintManager', false],
    ['a preemption', 'preemption', 'PreemptionByScheduler', true],
    ['a preemption', 'eviction', 'PreemptionByScheduler', false],
    ['a plain deletion', 'delete', undefined, true],
    ['a plain deletion', 'drain', undefined, false],
    ['the removal of what is over', 'delete', 'DeletionByPodGC', false],
    ['the end by the kubelet', 'eviction', 'TerminationByKubelet', false],
  ])('%s is of cause %s: %s, %s', (_name, cause, disruptionReason, fires) => {
    const bench = startOf(spec.replace('eviction', cause));
    const decisions = bench.at(1_000, podChanged(deleted({ disruptionReason })));
    expect(decisions.map(brief)).toEqual(fires ? ['fired last shop/cart/app'] : []);
  });

  it('says it once, however often the pod changes while it ends', () => {
    const bench = startOf();
    bench.at(1_000, podChanged(deleted()));
    const ready = deleted({ phase: 'Running', labels: { changed: 'yes' } });
    expect(bench.at(2_000, podChanged(ready))).toEqual([]);
  });

  it.each([
    ['is immediate', { terminationGraceMs: 0 }, 1_000, '0ms of 0ms grace left'],
    [
      'was seen too late',
      {},
      16_500,
      '14.5s of 30s grace left, 15s of it reserved for the application',
    ],
    ['is over', {}, 40_000, '0ms of 30s grace left, 15s of it reserved for the application'],
  ])('captures nothing when the kill %s', (_name, more, ms, detail) => {
    const decisions = startOf().at(ms, podChanged(deleted(more)));
    expect(decisions).toMatchObject([{ verdict: 'suppress', reason: 'no-time', detail }]);
  });

  it('trusts no clock of the API server that is ahead', () => {
    const ahead = deleted({ deletingAtMs: START_MS + 3_600_000 });
    const [decision] = startOf().at(1_000, podChanged(ahead));
    expect(decision?.capture.thawedByMs).toBe(START_MS + 16_000);
  });

  it('takes each selected container that runs', () => {
    const containers = [
      running('app'),
      running('proxy', { containerId: id('bb'), type: 'sidecar' }),
      running('over', {
        containerId: id('cc'),
        state: {
          kind: 'terminated',
          end: { reason: 'Completed', exitCode: 0, finishedAtMs: START_MS },
        },
      }),
    ];
    const bench = startOf(spec, pod({ containers }));
    expect(bench.at(1_000, podChanged(deleted({ containers }))).map(brief)).toEqual([
      'fired last shop/cart/app',
      'fired last shop/cart/proxy',
    ]);
  });

  it('is found by an agent that starts while the pod ends, and not twice', () => {
    const bench = benchOf({ last: spec });
    expect(bench.at(2_000, podChanged(deleted(), true)).map(brief)).toHaveLength(1);
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    bench.state = restoreState(bench.core, saved);
    expect(bench.at(3_000, podChanged(deleted(), true))).toEqual([]);
  });

  it('counts quietly what it does not select', () => {
    const bench = startOf(spec.replace('target: {}', 'target: { namespaces: [bank] }'));
    expect(bench.at(1_000, podChanged(deleted()))).toEqual([]);
    expect(quietCounts(bench.state)).toEqual([{ rule: 'last', reason: 'not-selected', count: 1 }]);
  });

  it('names the deny list', () => {
    const denied = { namespace: 'kube-system' };
    const decisions = startOf(spec, pod(denied)).at(1_000, podChanged(deleted(denied)));
    expect(decisions).toMatchObject([{ reason: 'denied' }]);
  });
});
