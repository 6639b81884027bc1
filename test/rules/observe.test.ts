import { describe, expect, it } from '@jest/globals';
import {
  carryState,
  createRulesCore,
  quietCounts,
  restoreState,
  saveState,
  step,
} from '../../src/rules/index.ts';
import type { RequestSignal } from '../../src/signal/index.ts';
import {
  alert,
  benchOf,
  brief,
  event,
  memory,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  tick,
  waiting,
} from './support/bench.ts';

const specs = {
  oom: 'when: { memory: { above: 85% } }\ntarget: {}',
  live: 'when: { event: { reason: Unhealthy } }\ntarget: {}',
  night: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: {}',
  crash:
    'when: { crashLoop: { restarts: 1, within: 10m, capture: { after: 1s } } }\n' +
    'target: {}\nlimits: { cooldown: 0s }',
  falco:
    'when: { alert: { shape: falco, match: [ { field: priority, equals: Critical } ] } }\ntarget: {}',
};

function failed(restartCount: number) {
  const end = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS };
  return running('app', { restartCount, lastEnd: { ...end, containerId: `c${restartCount}` } });
}

describe('an agent that observes', () => {
  const bench = benchOf(specs, { mode: 'observe' });
  bench.at(0, podChanged(pod(), true));

  it.each([
    ['memory', memory(0.9), 'oom'],
    ['an Event', event(), 'live'],
    ['a schedule', tick('night'), 'night'],
    ['an alert', alert(), 'falco'],
  ] as const)('only says what %s would have captured', (_what, signal, rule) => {
    const [decision] = bench.at(10, signal);
    expect(decision).toMatchObject({ verdict: 'suppress', reason: 'observed', rule });
    expect(decision?.target).toMatchObject({ pod: 'cart', container: 'app' });
  });

  it('only says what a crash loop would have captured', () => {
    bench.at(20, podChanged(pod({ containers: [failed(1)] })));
    const decisions = bench.at(2_000, podChanged(pod({ containers: [failed(1)] })));
    expect(decisions.map(brief)).toContain('observed crash shop/cart/app');
  });

  it('tells a person how to capture all the same, and does so when told', () => {
    const asked = request({ container: 'app' }) as RequestSignal;
    const [held] = bench.at(3_000, asked);
    expect(held).toMatchObject({ verdict: 'suppress', reason: 'observed' });
    expect(held?.detail).toMatch(/mode: observe .* --even-in-observe$/);
    expect(bench.at(3_000, { ...asked, evenInObserve: true })).toMatchObject([{ verdict: 'fire' }]);
  });

  it('says first what would refuse a person anyway', () => {
    bench.at(4_000, podChanged(pod({ containers: [waiting()] })));
    const asked = request({ container: 'app' });
    expect(bench.at(4_000, asked)).toMatchObject([{ reason: 'not-running' }]);
  });
});

describe('what was only observed', () => {
  function observed() {
    const bench = benchOf({ oom: specs.oom, live: specs.live }, { mode: 'observe' });
    bench.at(0, podChanged(pod(), true));
    bench.at(10, memory(0.9));
    bench.at(10, event());
    return bench;
  }

  it('holds back no capture once the agent enforces', () => {
    const { core, state } = observed();
    const enforcing = createRulesCore(core.rules, { ...core.options, mode: 'enforce' });
    const carried = carryState(core, enforcing, state);
    expect(step(enforcing, carried, memory(0.9), START_MS + 20).decisions.map(brief)).toEqual([
      'fired oom shop/cart/app',
    ]);
    expect(step(enforcing, carried, event(), START_MS + 20).decisions.map(brief)).toEqual([
      'fired live shop/cart/app',
    ]);
  });

  it('cools down as a capture would while the agent goes on to observe', () => {
    const bench = observed();
    expect(bench.at(20, event()).map(brief)).toEqual(['cooldown live shop/cart/app']);
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    const restored = restoreState(bench.core, saved);
    expect(step(bench.core, restored, event(), START_MS + 30).decisions.map(brief)).toEqual([
      'cooldown live shop/cart/app',
    ]);
  });

  it('is not what was captured: that cools down over a time of observing', () => {
    const enforcing = benchOf({ live: specs.live });
    enforcing.at(0, podChanged(pod(), true));
    enforcing.at(10, event());
    const { core } = enforcing;
    const observing = createRulesCore(core.rules, { ...core.options, mode: 'observe' });
    const state = carryState(core, observing, enforcing.state);
    expect(step(observing, state, event(), START_MS + 20).decisions.map(brief)).toEqual([
      'cooldown live shop/cart/app',
    ]);
  });
});

describe('a pod that no rule selects', () => {
  const optedIn = 'target: { podSelector: { matchLabels: { stillpoint.dev/enabled: "true" } } }';
  const rules = {
    oom: `when: { memory: { above: 85% } }\n${optedIn}`,
    live: `when: { event: { reason: Unhealthy } }\n${optedIn}`,
    crash: `when: { crashLoop: { restarts: 1, within: 10m } }\n${optedIn}`,
    falco: `when: { alert: { shape: falco, match: [ { field: rule, exists: true } ] } }\n${optedIn}`,
  };

  it('is counted for each rule that would have wanted it', () => {
    const bench = benchOf(rules);
    bench.at(0, podChanged(pod(), true));
    bench.at(1, event());
    const lastEnd = { reason: 'OOMKilled', exitCode: 137, finishedAtMs: START_MS };
    bench.at(2, podChanged(pod({ containers: [running('app', { restartCount: 1, lastEnd })] })));
    expect(quietCounts(bench.state)).toEqual([
      { rule: 'live', reason: 'not-selected', count: 1 },
      { rule: 'oom', reason: 'not-selected', count: 1 },
      { rule: 'crash', reason: 'not-selected', count: 1 },
    ]);
    expect(bench.at(3, alert()).map(brief)).toEqual(['not-selected falco shop/cart/app']);
  });

  it('is told of no old kill when the agent starts', () => {
    const bench = benchOf(rules);
    const lastEnd = { reason: 'OOMKilled', exitCode: 137, finishedAtMs: START_MS };
    const killed = pod({ containers: [running('app', { restartCount: 1, lastEnd })] });
    bench.at(0, podChanged(killed, true));
    expect(quietCounts(bench.state)).toEqual([]);
  });
});
