import { describe, expect, it } from '@jest/globals';
import { createRulesState } from '../../src/rules/index.ts';
import { compareStream, ruleSetOf } from './oracle/run-stream.ts';
import { boundOf, PODS_MAX, SCOPES_MAX, type StateSize, sizeOf } from './oracle/state-size.ts';
import {
  alert,
  type Bench,
  benchOf,
  event,
  id,
  memory,
  pod,
  podChanged,
  podGone,
  running,
  START_MS,
  wake,
} from './support/bench.ts';

function beyond({ core, state }: Pick<Bench, 'core' | 'state'>): string[] {
  const [size, bound] = [sizeOf(state), boundOf(core, state)];
  const parts = Object.keys(size) as (keyof StateSize)[];
  return parts
    .filter((part) => size[part] > bound[part])
    .map((part) => `${part}: ${size[part]} > ${bound[part]}`);
}

it('holds no more than its bound after each signal of random streams', () => {
  for (let stream = 0; stream < 60; stream += 5) {
    const set = ruleSetOf(stream);
    compareStream(stream, set, (state) => {
      expect({ stream, beyond: beyond({ core: set.core, state }) }).toEqual({ stream, beyond: [] });
      return state;
    });
  }
});

const RULES = {
  oom: 'when: { memory: { above: 80%, for: 1m } }\ntarget: {}\nlimits: { cooldown: 1m }',
  live: 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }\ntarget: {}\nlimits: { cooldown: 1m, budget: { count: 3, within: 1h } }',
  loop: 'when: { crashLoop: { restarts: 1, within: 1h, capture: { after: 1h } } }\ntarget: {}',
  falco:
    'when: { alert: { shape: falco, match: [{ field: rule, exists: true }] } }\ntarget: {}\nlimits: { cooldown: 1m, budget: { count: 5, within: 1h, per: namespace } }',
  both: 'when: { sequence: { within: 1m, steps: [{ event: { reason: Unhealthy } }, { event: { reason: BackOff } }] } }\ntarget: {}',
};

/** All rules have something to remember of pod `n` after this. */
function trouble(bench: Bench, n: number, ms: number): void {
  const place = { namespace: `team-${n % 20_000}`, pod: `pod-${n}`, podUid: `uid-${n}` };
  const { namespace, pod: name, podUid: uid } = place;
  const containerId = id(n.toString(16).padStart(12, '0'));
  const look = (more: Parameters<typeof running>[1]) =>
    podChanged(pod({ namespace, name, uid, containers: [running('app', more)] }));
  bench.at(ms, look({}));
  const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS + ms };
  bench.at(ms, look({ containerId, lastEnd, restartCount: 1 }));
  bench.at(ms, memory(0.9, { target: { ...place, container: 'app', containerId } }));
  for (let copy = 0; copy < 2; copy++) {
    bench.at(ms, event(place));
    bench.at(ms, alert({ hints: { containerIdPrefix: containerId } }));
  }
}

describe('the state under a flood', () => {
  it('of 50,000 pods that come and go stays within the bound, and they leave no trace', () => {
    const bench = benchOf(RULES);
    for (let n = 0; n < 50_000; n++) {
      trouble(bench, n, n);
      bench.at(n, podGone(`uid-${n}`));
      if (n % 5_000 === 0) expect(beyond(bench)).toEqual([]);
    }
    expect(beyond(bench)).toEqual([]);
    const left = sizeOf(bench.state);
    expect(left).toMatchObject({ pods: 0, names: 0, ids: 0, memos: 0, marks: 0 });
    expect(left.timers).toBeLessThanOrEqual(1_024);
  });

  it('of 15,000 pods that nobody says are gone keeps the newest', () => {
    const bench = benchOf(RULES);
    for (let n = 0; n < 15_000; n++) {
      trouble(bench, n, 0);
      if (n % 5_000 === 0) expect(beyond(bench)).toEqual([]);
    }
    expect(beyond(bench)).toEqual([]);
    const { pods, cooldowns } = bench.state;
    expect(pods.byUid.size).toBe(PODS_MAX);
    expect(pods.byUid.has('uid-14999')).toBe(true);
    expect(cooldowns.get('falco')?.size).toBe(SCOPES_MAX);
  });

  it('of one container that is restarted, told of and alerted about without end stays small', () => {
    const bench = benchOf(RULES);
    for (let n = 0; n < 5_000; n++) {
      const containerId = id(n.toString(16).padStart(12, '0'));
      const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS + n };
      const one = running('app', { containerId, lastEnd, restartCount: n });
      bench.at(n, podChanged(pod({ containers: [one] })));
      bench.at(n, event({ countDelta: 1_000_000 }));
      bench.at(n, alert({ hints: { containerIdPrefix: containerId } }));
    }
    expect(beyond(bench)).toEqual([]);
    expect(sizeOf(bench.state)).toMatchObject({ pods: 1, ids: 1, cooldowns: 2 });
  });

  it('of container names that come and go keeps those that are there', () => {
    const bench = benchOf(RULES);
    for (let n = 0; n < 1_000; n++) {
      bench.at(n, podChanged(pod({ containers: [running(`debug-${n}`)] })));
      bench.at(n, event({ container: `debug-${n}` }));
    }
    expect(beyond(bench)).toEqual([]);
  });
});

it('forgets cooldowns and budgets that are over with the next firing of their rule', () => {
  const bench = benchOf(RULES);
  for (let n = 0; n < 100; n++) trouble(bench, n, n);
  expect(sizeOf(bench.state)).toMatchObject({ cooldowns: 200, firings: 200 });
  trouble(bench, 100, 3_700_000);
  expect(sizeOf(bench.state)).toMatchObject({ firings: 2 });
  expect(bench.state.cooldowns.get('live')?.size).toBe(1);
  expect(bench.state.cooldowns.get('falco')?.size).toBe(1);
});

it('has nothing to wait for once all pods are gone', () => {
  const bench = benchOf(RULES);
  for (let n = 0; n < 50; n++) trouble(bench, n, n);
  for (let n = 0; n < 50; n++) bench.at(100, podGone(`uid-${n}`));
  bench.at(100, wake);
  expect(bench.wakeAtMs()).toBeUndefined();
  expect(sizeOf(createRulesState())).toMatchObject({ timers: sizeOf(bench.state).timers });
});
