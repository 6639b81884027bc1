import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../src/base/index.ts';
import {
  carryState,
  createDenyList,
  createRulesCore,
  createRulesState,
  keepOnlyPods,
  quietCounts,
  type RulesState,
  restoreState,
  saveState,
  step,
} from '../../../src/rules/index.ts';
import { benchOf, event, pod, podChanged, rulesOf, START_MS } from '../support/bench.ts';
import { laterRules, laterStream, randomStream, streamRules } from '../support/random-stream.ts';

const options = { nodeName: 'node-1', denyList: createDenyList() };

describe('a saved and restored state', () => {
  const seeds = [1, 2, 3, 4, 5];

  it.each(seeds)('decides the same after every signal of stream %d', (seed) => {
    const core = createRulesCore(rulesOf(streamRules), options);
    const kept = createRulesState();
    let restored: RulesState = createRulesState();
    const seen = new Set<string>();
    for (const { ms, signal } of randomStream(createRandom(seed), 300)) {
      const expected = step(core, kept, signal, START_MS + ms).decisions;
      restored = restoreState(core, JSON.parse(JSON.stringify(saveState(core, restored))));
      const result = step(core, restored, signal, START_MS + ms);
      expect({ ms, decisions: result.decisions }).toEqual({ ms, decisions: expected });
      for (const { reason } of expected) seen.add(reason);
    }
    // The stream is worth nothing unless it goes down most roads.
    for (const reason of ['fired', 'armed', 'cooldown', 'window-open', 'not-running', 'denied']) {
      expect(seen).toContain(reason);
    }
  });

  it.each(seeds)('decides the same with every kind of condition, stream %d', (seed) => {
    const core = createRulesCore(rulesOf({ ...streamRules, ...laterRules }), options);
    const kept = createRulesState();
    let restored: RulesState = createRulesState();
    const fired = new Set<string>();
    for (const { ms, signal } of laterStream(createRandom(seed), 1_000)) {
      const expected = step(core, kept, signal, START_MS + ms).decisions;
      restored = restoreState(core, JSON.parse(JSON.stringify(saveState(core, restored))));
      const result = step(core, restored, signal, START_MS + ms);
      expect({ ms, decisions: result.decisions }).toEqual({ ms, decisions: expected });
      for (const { rule, reason } of expected) if (reason === 'fired') fired.add(rule);
    }
    for (const rule of Object.keys(laterRules)) expect(fired).toContain(rule);
  });

  const spec = 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }\ntarget: {}';

  function reload(change: (spec: string) => string) {
    const bench = benchOf({ rule: spec });
    bench.at(0, podChanged(pod(), true));
    bench.at(1_000, event({ countDelta: 2 }));
    const core = createRulesCore(rulesOf({ rule: change(spec) }), options);
    const state = restoreState(
      core,
      JSON.parse(JSON.stringify(saveState(bench.core, bench.state))),
    );
    return (ms: number) => step(core, state, event(), START_MS + ms).decisions;
  }

  it('keeps cooldown and window of a rule that decides alike', () => {
    const at = reload((text) => `${text}\ndescription: new\nlimits: { cooldown: 30s }`);
    expect(at(2_000)).toMatchObject([{ reason: 'cooldown' }]);
    expect(at(31_000)).toMatchObject([{ reason: 'fired' }]);
  });

  it('keeps the cooldown, not the window, of a rule that decides otherwise', () => {
    const at = reload((text) => text.replace('atLeast: 2', 'atLeast: 3'));
    expect(at(2_000)).toMatchObject([{ reason: 'window-open', detail: '1 of 3 within 1m' }]);
    expect(at(3_000)).toMatchObject([{ reason: 'window-open' }]);
    expect(at(4_000)).toMatchObject([{ reason: 'cooldown' }]);
  });

  it('goes on counting over a reload, with the pods as they are known', () => {
    const bench = benchOf({ rule: spec });
    const noted = { ...pod(), annotations: { note: 'x' } };
    bench.at(0, podChanged(noted, true));
    bench.state.quiet.byRule.set('rule', new Map([['not-selected', 3]]));
    const next = carryState(bench.core, bench.core, bench.state);
    expect(quietCounts(next)).toEqual([{ rule: 'rule', reason: 'not-selected', count: 3 }]);
    expect([...next.pods.byUid.values()].map(({ fact }) => fact)).toEqual([noted]);
    expect(JSON.stringify(saveState(bench.core, next))).not.toContain('note');
  });

  it('forgets pods that went while nobody watched', () => {
    const bench = benchOf({ rule: spec });
    bench.at(0, podChanged(pod(), true));
    keepOnlyPods(bench.state, new Set(['another']));
    expect(bench.at(1, event({ countDelta: 2 }))).toEqual([]);
  });

  const broken: [name: string, data: unknown][] = [
    ['nothing', undefined],
    ['another version', { version: 2 }],
    [
      'a pod without containers',
      {
        version: 1,
        nowMs: 0,
        fingerprints: {},
        cooldowns: [],
        pods: [{ fact: { namespace: 'a', name: 'b', uid: 'c', labels: {} }, memos: [] }],
      },
    ],
    [
      'a window of texts',
      { version: 1, nowMs: 0, fingerprints: {}, pods: [], cooldowns: [['rule', [['a', 'b']]]] },
    ],
  ];
  it.each(broken)('is refused when it is %s', (_name, data) => {
    const core = createRulesCore([], options);
    expect(() => restoreState(core, data)).toThrow(expect.objectContaining({ code: 'store' }));
  });

  it('can be empty', () => {
    const core = createRulesCore([], options);
    const data = JSON.parse(JSON.stringify(saveState(core, createRulesState())));
    expect(restoreState(core, data).nowMs).toBe(Number.NEGATIVE_INFINITY);
  });
});
