import { describe, expect, it } from '@jest/globals';
import {
  carryState,
  createDenyList,
  createRulesCore,
  scheduleEntries,
} from '../../src/rules/index.ts';
import {
  type Bench,
  benchOf,
  event,
  memory,
  pod,
  podChanged,
  rulesOf,
  tick,
  wake,
} from './support/bench.ts';
import { memoryThresholds } from './support/watched.ts';

const kinds: [kind: string, when: string][] = [
  ['memory', 'memory: { above: 85% }'],
  ['event', 'event: { reason: Unhealthy }'],
  ['schedule', 'schedule: { cron: "0 2 * * *" }'],
];

function spec(when: string, enabled: boolean, more = ''): string {
  return `enabled: ${enabled}\nwhen: { ${when} }\ntarget: {}${more}`;
}

function change(bench: Bench, specs: Record<string, string>): void {
  const options = { nodeName: 'node-1', denyList: createDenyList({}) };
  const core = createRulesCore(rulesOf(specs), options);
  bench.state = carryState(bench.core, core, bench.state);
  bench.core = core;
}

describe('a rule that is not enabled', () => {
  it.each(kinds)('decides nothing: %s', (_, when) => {
    const signals = [memory(0.9), event(), tick('rule')];
    const decided = (enabled: boolean) => {
      const bench = benchOf({ rule: spec(when, enabled) });
      bench.at(0, podChanged(pod(), true));
      return signals.flatMap((signal) => bench.at(1, signal)).length;
    };
    expect(decided(true)).toBe(1);
    expect(decided(false)).toBe(0);
  });

  it('asks neither for samples nor for ticks', () => {
    const specs = Object.fromEntries(kinds.map(([kind, when]) => [kind, spec(when, false)]));
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod(), true));
    expect(memoryThresholds(bench.core, bench.state)).toEqual([]);
    expect(scheduleEntries(bench.core.rules)).toEqual([]);
  });

  it('cools down still when it is enabled again', () => {
    const when = 'event: { reason: Unhealthy }';
    const bench = benchOf({ rule: spec(when, true) });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(1, event())).toMatchObject([{ reason: 'fired' }]);
    change(bench, { rule: spec(when, false) });
    expect(bench.at(2, event())).toEqual([]);
    change(bench, { rule: spec(when, true) });
    expect(bench.at(3, event())).toMatchObject([{ reason: 'cooldown' }]);
  });

  it('forgets what it waited for', () => {
    const when = 'memory: { above: 85%, for: 10s }';
    const bench = benchOf({ rule: spec(when, true) });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(1, memory(0.9))).toMatchObject([{ reason: 'window-open' }]);
    change(bench, { rule: spec(when, false) });
    expect(bench.at(20_000, wake)).toEqual([]);
    change(bench, { rule: spec(when, true) });
    expect(bench.at(30_000, wake)).toEqual([]);
  });
});

describe('the priority of a rule', () => {
  it('goes with what it decides to fire', () => {
    const bench = benchOf({ rule: spec('event: { reason: Unhealthy }', true, '\npriority: 7') });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(1, event())).toMatchObject([{ reason: 'fired', priority: 7 }]);
  });
});
