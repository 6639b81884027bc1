import { describe, expect, it } from '@jest/globals';
import { restoreState, saveState } from '../../../src/rules/index.ts';
import { benchOf, brief, memory, pod, podChanged, wake } from '../support/bench.ts';
import { memoryThresholds } from '../support/watched.ts';

const filling =
  'when: { memory: { above: 85%, orFullWithin: 300ms, floor: 60% } }\ntarget: {}\nlimits: { cooldown: 0s }';
const rearming =
  'when: { memory: { above: 85%, again: afterBelow, below: 60% } }\ntarget: {}\nlimits: { cooldown: 0s }';

function startOf(spec: string) {
  const bench = benchOf({ oom: spec });
  bench.at(0, podChanged(pod(), true));
  return bench;
}

describe('a memory rule that looks ahead', () => {
  it.each<[string, number, number | undefined, string[]]>([
    ['full soon enough and above the floor', 0.62, 300, ['fired oom shop/cart/app']],
    ['full a moment later', 0.62, 301, []],
    ['full soon, but below the floor', 0.59, 100, []],
    ['not growing', 0.84, undefined, []],
    ['above, and not growing', 0.86, undefined, ['fired oom shop/cart/app']],
  ])('%s', (_name, usedRatio, fullInMs, expected) => {
    const bench = startOf(filling);
    expect(bench.at(10, memory(usedRatio, { fullInMs })).map(brief)).toEqual(expected);
  });

  it('says what it foresaw, and when the end is expected', () => {
    const bench = startOf(filling);
    const [decision] = bench.at(10, memory(0.62, { fullInMs: 240 }));
    expect(decision?.detail).toBe('full in 240ms <= 300ms at 62 % >= 60 %');
    expect(decision?.deathExpectedAtMs).toBe((decision?.atMs ?? 0) + 240);
  });

  it('does not wait until it has lasted, while being above does', () => {
    const lasting = filling.replace('above: 85%', 'above: 85%, for: 5s');
    const bench = startOf(lasting);
    expect(bench.at(10, memory(0.9)).map(brief)).toEqual(['window-open oom shop/cart/app']);
    const rushing = memory(0.95, { fullInMs: 50 });
    expect(bench.at(20, rushing).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('fires once a life, however it came to that', () => {
    const bench = startOf(filling);
    bench.at(10, memory(0.7, { fullInMs: 100 }));
    expect(bench.at(15, memory(0.9))).toEqual([]);
    bench.at(20, memory(0.5));
    expect(bench.at(25, memory(0.9)).map(brief)).toEqual(['once-a-life oom shop/cart/app']);
  });

  it('fires after its cooldown only if it fills up still', () => {
    const cooling = filling.replace('cooldown: 0s', 'cooldown: 10s');
    const bench = startOf(
      cooling.replace('floor: 60%', 'floor: 60%, again: afterBelow, below: 50%'),
    );
    bench.at(10, memory(0.7, { fullInMs: 100 }));
    bench.at(20, memory(0.3));
    const again = memory(0.7, { fullInMs: 100 });
    expect(bench.at(30, again).map(brief)).toEqual(['cooldown oom shop/cart/app']);
    bench.at(40, memory(0.7));
    expect(bench.at(10_010, wake)).toEqual([]);
    expect(bench.at(10_020, again).map(brief)).toEqual(['fired oom shop/cart/app']);
  });
});

describe('a memory rule that may fire again in one life', () => {
  it('does so only after a fall under `below`', () => {
    const bench = startOf(rearming);
    expect(bench.at(10, memory(0.9)).map(brief)).toEqual(['fired oom shop/cart/app']);
    bench.at(20, memory(0.6));
    expect(bench.at(30, memory(0.9))).toMatchObject([
      { reason: 'not-rearmed', detail: 'fires again after < 60 %' },
    ]);
    bench.at(40, memory(0.59));
    expect(bench.at(50, memory(0.9)).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('is not re-armed by what it fires for', () => {
    const both = rearming.replace('above: 85%', 'above: 85%, orFullWithin: 1s, floor: 50%');
    const bench = startOf(both);
    expect(bench.at(10, memory(0.55, { fullInMs: 500 })).map(brief)).toHaveLength(1);
    expect(bench.at(15, memory(0.56, { fullInMs: 490 }))).toEqual([]);
  });

  it('remembers over a restart that it fired, and that it may again', () => {
    const bench = startOf(rearming);
    bench.at(10, memory(0.9));
    const restart = () => {
      const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
      bench.state = restoreState(bench.core, saved);
    };
    restart();
    expect(bench.at(20, memory(0.9))).toEqual([]);
    bench.at(30, memory(0.5));
    restart();
    expect(bench.at(40, memory(0.9)).map(brief)).toEqual(['fired oom shop/cart/app']);
  });
});

describe('what the memory source is told', () => {
  it('serves the most sensitive rule of each kind', () => {
    const bench = benchOf({
      plain: 'when: { memory: { above: 80% } }\ntarget: {}',
      soon: 'when: { memory: { above: 90%, orFullWithin: 300ms, floor: 70% } }\ntarget: {}',
      sooner: 'when: { memory: { above: 95%, orFullWithin: 2s } }\ntarget: {}',
      again: rearming,
    });
    bench.at(0, podChanged(pod(), true));
    expect(memoryThresholds(bench.core, bench.state)).toMatchObject([
      { alarmRatio: 0.8, clearRatio: 0.6, fillings: [{ withinMs: 2_000, floorRatio: 0.5 }] },
    ]);
  });
});
