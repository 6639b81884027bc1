import { describe, expect, it } from '@jest/globals';
import {
  alert,
  type Bench,
  benchOf,
  brief,
  event,
  id,
  memory,
  pod,
  podChanged,
  running,
  START_MS,
  wake,
} from './support/bench.ts';

/** What the comparison with the oracle has found, each by itself. */

const GOLD = 'target: { podSelector: { matchLabels: { tier: gold } } }';

function look(tier: string, more: Parameters<typeof running>[1] = {}) {
  return podChanged(pod({ labels: { tier }, containers: [running('app', more)] }));
}

/** The container fails at `ms` and its next life begins a second later. */
function crash(bench: Bench, ms: number, restartCount: number) {
  const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS + ms };
  const state = { kind: 'running', startedAtMs: START_MS + ms + 1_000 } as const;
  const containerId = id(`aaaaaaaaaa0${restartCount}`);
  return bench.at(ms + 1_000, look('gold', { lastEnd, state, containerId, restartCount }));
}

describe('a pod that a rule does not reach any more', () => {
  it('is not captured for the memory that it had before', () => {
    const bench = benchOf({ oom: `when: { memory: { above: 80%, for: 10s } }\n${GOLD}` });
    bench.at(0, look('gold'));
    expect(bench.at(0, memory(0.9)).map(brief)).toEqual(['window-open oom shop/cart/app']);
    bench.at(5_000, look('silver'));
    expect(bench.at(10_000, wake)).toEqual([]);
  });

  it('begins to count anew when it is reached again: nobody looked meanwhile', () => {
    const bench = benchOf({ oom: `when: { memory: { above: 80%, for: 10s } }\n${GOLD}` });
    bench.at(0, look('gold'));
    bench.at(0, memory(0.9));
    bench.at(5_000, look('silver'));
    bench.at(6_000, look('gold'));
    expect(bench.at(12_000, memory(0.9))).toEqual([]);
    expect(bench.at(22_000, wake).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('is not captured for the crashes that it had before', () => {
    const bench = benchOf({
      loop: `when: { crashLoop: { restarts: 1, within: 1m, capture: { after: 5s } } }\n${GOLD}`,
    });
    bench.at(0, look('gold'));
    expect(crash(bench, 0, 1).map(brief)).toEqual(['armed loop shop/cart/app']);
    const state = { kind: 'running', startedAtMs: START_MS + 1_000 } as const;
    const containerId = id('aaaaaaaaaa01');
    bench.at(2_000, look('silver', { state, containerId, restartCount: 1 }));
    expect(bench.at(6_000, wake)).toEqual([]);
  });
});

it('captures a life at its age, however late that is and whatever is told meanwhile', () => {
  const bench = benchOf({
    loop: 'when: { crashLoop: { restarts: 1, within: 1m, capture: { after: 30m } } }\ntarget: {}',
  });
  bench.at(0, look('gold'));
  expect(crash(bench, 0, 1).map(brief)).toEqual(['armed loop shop/cart/app']);
  const state = { kind: 'running', startedAtMs: START_MS + 1_000 } as const;
  const containerId = id('aaaaaaaaaa01');
  bench.at(1_200_000, look('silver', { state, containerId, restartCount: 1 }));
  expect(bench.at(1_801_000, wake).map(brief)).toEqual(['fired loop shop/cart/app']);
});

it('forgets what it waited for when the time comes and the container does not run', () => {
  const bench = benchOf({ oom: 'when: { memory: { above: 80%, for: 10s } }\ntarget: {}' });
  bench.at(0, look('gold'));
  bench.at(0, memory(0.9));
  const end = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS };
  bench.at(9_000, look('gold', { state: { kind: 'terminated', end } }));
  expect(bench.at(10_000, wake)).toEqual([]);
  expect(bench.wakeAtMs()).toBeUndefined();
  const [memo] = bench.state.pods.byUid.get('uid-cart')?.memos.get('app')?.values() ?? [];
  expect(memo).toMatchObject({ kind: 'memory', dueMs: undefined });
});

it('decides in the order of the rules, also what falls due at the same moment', () => {
  const bench = benchOf({
    last: 'when: { memory: { above: 80%, for: 10s } }\ntarget: {}',
    first: 'when: { alert: { shape: falco, match: [{ field: rule, exists: true }] } }\ntarget: {}',
  });
  bench.at(0, look('gold'));
  bench.at(0, memory(0.9));
  const fired = bench.at(10_000, alert()).map(brief);
  expect(fired).toEqual(['fired last shop/cart/app', 'fired first shop/cart/app']);
});

it('counts two firings of one millisecond as two', () => {
  const bench = benchOf({
    live: 'when: { event: { reason: Unhealthy } }\ntarget: {}\nlimits: { cooldown: 0s, budget: { count: 2, within: 1m } }',
  });
  bench.at(0, look('gold'));
  const reasons = [1, 2, 3].map(() => bench.at(0, event())[0]?.reason);
  expect(reasons).toEqual(['fired', 'fired', 'budget']);
});
