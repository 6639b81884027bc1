import { describe, expect, it } from '@jest/globals';
import { noteRefused } from '../../src/rules/index.ts';
import { benchOf, brief, memory, pod, podChanged, START_MS } from './support/bench.ts';

const spec = 'when: { memory: { above: 85% } }\ntarget: {}';

describe('a firing that was refused', () => {
  it('is tried again in the same life after half a minute, not with every sample', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod(), true));
    const [fired] = bench.at(5, memory(0.9));
    const target = fired?.target;
    if (!target) throw new Error('it did not fire');
    const reason = 'disk-low';
    noteRefused(bench.core, bench.state, { rule: 'oom', target, reason }, START_MS + 6);
    expect(bench.at(10, memory(0.91)).map(brief)).toEqual(['cooldown oom shop/cart/app']);
    expect(bench.at(15, memory(0.92))).toEqual([]);
    expect(bench.at(30_010, memory(0.93)).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('waits for the cooldown of its rule when the reason is one that lasts', () => {
    const bench = benchOf({ oom: spec });
    bench.at(0, podChanged(pod(), true));
    const [fired] = bench.at(5, memory(0.9));
    const target = fired?.target;
    if (!target) throw new Error('it did not fire');
    const refused = { rule: 'oom', target, reason: 'freeze-too-long' as const };
    noteRefused(bench.core, bench.state, refused, START_MS + 6);
    expect(bench.at(30_010, memory(0.91)).map(brief)).toEqual(['cooldown oom shop/cart/app']);
    expect(bench.at(599_000, memory(0.92))).toEqual([]);
    expect(bench.at(600_010, memory(0.93)).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('stays used up for a rule without a cooldown, which nothing else would slow down', () => {
    const bench = benchOf({ oom: `${spec}\nlimits: { cooldown: 0s }` });
    bench.at(0, podChanged(pod(), true));
    const [fired] = bench.at(5, memory(0.9));
    if (!fired?.target) throw new Error('it did not fire');
    const refused = { rule: 'oom', target: fired.target, reason: 'disk-low' as const };
    noteRefused(bench.core, bench.state, refused, START_MS + 6);
    expect(bench.at(60_000, memory(0.93))).toEqual([]);
  });
});
