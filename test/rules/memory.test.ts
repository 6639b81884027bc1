import { describe, expect, it } from '@jest/globals';
import {
  benchOf,
  brief,
  id,
  memory,
  pod,
  podChanged,
  podGone,
  running,
  START_MS,
  wake,
} from './support/bench.ts';
import { memoryThresholds } from './support/watched.ts';

const spec = 'when: { memory: { above: 85% } }\ntarget: {}';
const lasting = 'when: { memory: { above: 85%, for: 2s } }\ntarget: {}';

describe('a memory rule', () => {
  it('fires when the tightest level is above, with the expected death', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod(), true));
    const [decision] = bench.at(10, memory(0.87, { fullInMs: 400 }));
    expect(decision).toMatchObject({
      verdict: 'fire',
      reason: 'fired',
      detail: '87 % >= 85 %',
      atMs: START_MS + 10,
      deathExpectedAtMs: START_MS + 410,
      target: { namespace: 'shop', pod: 'cart', container: 'app', containerId: id('aaaaaaaaaaaa') },
      signal: { kind: 'memory', text: 'memory 87 % of 256 MiB (container)' },
      capture: { via: 'auto', timeoutMs: 600_000, freezeMsMax: 30_000 },
      retainClass: 'default',
    });
  });

  it('says nothing below', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(10, memory(0.8499))).toEqual([]);
  });

  it('fires once a life, and says so once, however often it is sampled', () => {
    const bench = benchOf({ oom: `${spec}\nlimits: { cooldown: 0s }` });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(5, memory(0.9)).map(brief)).toEqual(['fired oom shop/cart/app']);
    expect(bench.at(10, memory(0.91))).toEqual([]);
    expect(bench.at(15, memory(0.5))).toEqual([]);
    expect(bench.at(20, memory(0.92)).map(brief)).toEqual(['once-a-life oom shop/cart/app']);
    expect(bench.at(25, memory(0.93))).toEqual([]);
    expect(bench.at(30, memory(0.5))).toEqual([]);
    expect(bench.at(35, memory(0.93))).toEqual([]);
  });

  it('fires again in the next life, after the cooldown', () => {
    const bench = benchOf({ oom: `${spec}\nlimits: { cooldown: 10s }` });
    bench.at(0, podChanged(pod(), true));
    bench.at(5, memory(0.9));
    const reborn = running('app', { containerId: id('bbbbbbbbbbbb'), restartCount: 1 });
    bench.at(2_000, podChanged(pod({ containers: [reborn] })));
    const ofNewLife = memory(0.9);
    const target = { ...ofNewLife.target, containerId: id('bbbbbbbbbbbb') };
    const sample = { ...ofNewLife, target };
    expect(bench.at(3_000, sample).map(brief)).toEqual(['cooldown oom shop/cart/app']);
    expect(bench.at(3_005, sample)).toEqual([]);
    expect(bench.wakeAtMs()).toBe(10_005);
    expect(bench.at(10_004, wake)).toEqual([]);
    expect(bench.at(10_005, wake).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('waits for the time it must last, and fires without another sample', () => {
    const bench = benchOf({ oom: lasting });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(100, memory(0.9)).map(brief)).toEqual(['window-open oom shop/cart/app']);
    expect(bench.at(1_000, memory(0.95))).toEqual([]);
    expect(bench.wakeAtMs()).toBe(2_100);
    const [decision] = bench.at(2_100, wake);
    expect(decision).toMatchObject({ verdict: 'fire', detail: '95 % >= 85 % for 2s' });
  });

  it('begins to count anew after a sample below', () => {
    const bench = benchOf({ oom: lasting });
    bench.at(0, podChanged(pod(), true));
    bench.at(100, memory(0.9));
    bench.at(1_000, memory(0.5));
    bench.at(1_500, memory(0.9));
    expect(bench.at(2_200, wake)).toEqual([]);
    expect(bench.at(3_500, wake).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('forgets a wait when the pod goes', () => {
    const bench = benchOf({ oom: lasting });
    bench.at(0, podChanged(pod(), true));
    bench.at(100, memory(0.9));
    bench.at(200, podGone());
    expect(bench.at(2_100, wake)).toEqual([]);
    expect(bench.wakeAtMs()).toBeUndefined();
  });

  it('passes over a sample of a life that is over', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod({ containers: [running('app', { containerId: id('cc') })] }), true));
    expect(bench.at(10, memory(0.99))).toEqual([]);
  });

  it('names the entry of the deny list once', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod({ isStatic: true }), true));
    expect(bench.at(10, memory(0.9))).toMatchObject([{ reason: 'denied', detail: 'static pod' }]);
    expect(bench.at(15, memory(0.9))).toEqual([]);
  });

  it('only says so in mode observe', () => {
    const bench = benchOf({ oom: `${spec}\nmode: observe` });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(10, memory(0.9))).toMatchObject([{ verdict: 'suppress', reason: 'observed' }]);
  });
});

describe('memory thresholds', () => {
  it('name each running, selected, allowed container with the least ratio', () => {
    const bench = benchOf({
      high: 'when: { memory: { above: 90% } }\ntarget: { containers: [app] }',
      low: 'when: { memory: { above: 70% } }\ntarget: { podSelector: { matchLabels: { tier: db } } }',
    });
    const db = { name: 'db', uid: 'uid-db', labels: { tier: 'db' } };
    bench.at(0, podChanged(pod(), true));
    bench.at(
      0,
      podChanged(pod({ ...db, containers: [running('app', { containerId: id('bb') })] }), true),
    );
    bench.at(0, podChanged(pod({ name: 'x', uid: 'x', namespace: 'kube-system' }), true));
    const found = memoryThresholds(bench.core, bench.state);
    expect(found.map(({ target, alarmRatio }) => [target.pod, alarmRatio])).toEqual([
      ['cart', 0.9],
      ['db', 0.7],
    ]);
  });
});
