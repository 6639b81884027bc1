import { describe, expect, it } from '@jest/globals';
import { quietCounts, restoreState, saveState } from '../../../src/rules/index.ts';
import type { ContainerFact, Signal } from '../../../src/signal/index.ts';
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
  podGone,
  running,
  START_MS,
  wake,
} from '../support/bench.ts';
import { memoryThresholds, probeWatches } from '../support/watched.ts';

const spec = (steps: string, within = '1m') =>
  `when: { sequence: { within: ${within}, steps: [${steps}] } }\ntarget: {}\nlimits: { cooldown: 0s }`;

const backOff = '{ event: { reason: BackOff } }';
const shell = '{ alert: { shape: falco, match: [{ field: rule, glob: "Terminal*" }] } }';

function startOf(text: string): Bench {
  const bench = benchOf({ seq: text });
  bench.at(0, podChanged(pod(), true));
  return bench;
}

const aBackOff = event({ reason: 'BackOff', message: 'Back-off restarting failed container' });
const fired = ['fired seq shop/cart/app'];
const open = ['window-open seq shop/cart/app'];

describe('a sequence', () => {
  it('fires at the last of its steps, and its trail names the signal of each', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    expect(bench.at(1_000, aBackOff)).toMatchObject([
      { verdict: 'suppress', reason: 'window-open', detail: '1 of 2 steps, 0ms of 1m' },
    ]);
    const [decision] = bench.at(31_000, alert());
    expect(decision).toMatchObject({
      verdict: 'fire',
      reason: 'fired',
      detail: '2 of 2 steps, 30s of 1m',
      signal: { kind: 'alert' },
    });
    expect(decision?.trail.slice(0, 2)).toMatchObject([
      {
        part: 'when.sequence.steps[0]',
        holds: true,
        saw: '00:00:01Z BackOff: Back-off restarting failed container',
        wants: 'event BackOff',
      },
      { part: 'when.sequence.steps[1]', holds: true },
    ]);
  });

  it('takes any alert of the shape for a step without match', () => {
    const bench = startOf(spec(`${backOff}, { alert: { shape: falco } }`));
    bench.at(1_000, aBackOff);
    expect(bench.at(2_000, alert({ shape: 'json/other' }))).toEqual([]);
    expect(bench.at(3_000, alert({ fields: { rule: 'Any' } })).map(brief)).toEqual(fired);
  });

  it('does not fire in another order, nor for two containers together', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    expect(bench.at(1_000, alert())).toEqual([]);
    expect(bench.at(2_000, aBackOff).map(brief)).toEqual(open);
    const other = running('app', { containerId: id('bb') });
    bench.at(3_000, podChanged(pod({ name: 'b', uid: 'uid-b', containers: [other] })));
    expect(bench.at(4_000, alert({ hints: { containerIdPrefix: id('bb') } }))).toEqual([]);
  });

  it.each([
    [61_000, fired],
    [61_001, []],
  ])('must be whole in its time: at %i ms', (ms, expected) => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    bench.at(1_000, aBackOff);
    expect(bench.at(ms, alert()).map(brief)).toEqual(expected);
  });

  it('counts from the latest first step', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    bench.at(1_000, aBackOff);
    expect(bench.at(50_000, aBackOff)).toEqual([]);
    expect(bench.at(100_000, alert()).map(brief)).toEqual(fired);
  });

  it('keeps what began earlier beside what began later', () => {
    const three = spec(`${backOff}, ${shell}, { memory: { above: 80% } }`);
    const bench = startOf(three);
    bench.at(1_000, aBackOff);
    bench.at(10_000, alert());
    bench.at(40_000, aBackOff);
    expect(bench.at(50_000, memory(0.9)).map(brief)).toEqual(fired);
  });

  it('begins anew after it fired', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    bench.at(1_000, aBackOff);
    bench.at(2_000, alert());
    expect(bench.at(3_000, alert())).toEqual([]);
    expect(bench.at(4_000, aBackOff).map(brief)).toEqual(open);
    expect(bench.at(5_000, alert()).map(brief)).toEqual(fired);
  });

  it('takes one signal for one step, and a count of three for three', () => {
    const twice = spec(`${backOff}, ${backOff}`);
    const bench = startOf(twice);
    expect(bench.at(1_000, aBackOff).map(brief)).toEqual(open);
    expect(bench.at(2_000, aBackOff).map(brief)).toEqual(fired);
    const counted = startOf(twice).at(1_000, { ...aBackOff, countDelta: 3 });
    expect(counted.map(brief)).toEqual([...open, ...fired, ...open].slice(0, 2));
  });

  it('goes on over a crash, into the next life', () => {
    const bench = startOf(spec(`{ crash: { reasons: [OOMKilled] } }, { memory: { above: 60% } }`));
    const lastEnd = { reason: 'OOMKilled', exitCode: 137, finishedAtMs: START_MS + 900 };
    const next = running('app', { containerId: id('bb'), restartCount: 1, lastEnd });
    expect(bench.at(1_000, podChanged(pod({ containers: [next] }))).map(brief)).toEqual(open);
    const ofNext = memory(0.7);
    const target = { ...ofNext.target, containerId: id('bb') };
    const [decision] = bench.at(5_000, { ...ofNext, target });
    expect(decision).toMatchObject({ reason: 'fired', target: { containerId: id('bb') } });
  });

  it('passes over a crash of another reason, and Events about probes that could not run', () => {
    const bench = startOf(spec('{ crash: { reasons: [OOMKilled] } }, { memory: { above: 60% } }'));
    const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS };
    const next = running('app', { containerId: id('bb'), restartCount: 1, lastEnd });
    expect(bench.at(1_000, podChanged(pod({ containers: [next] })))).toEqual([]);
    const probes = startOf(spec(`{ event: { reason: Unhealthy } }, ${backOff}`));
    expect(probes.at(1_000, event({ message: 'Liveness probe errored: x' }))).toEqual([]);
    expect(probes.at(2_000, event()).map(brief)).toEqual(open);
  });

  it('takes failures of a probe from the counters of the kubelet', () => {
    const bench = startOf(spec(`{ probe: { type: readiness } }, ${shell}`));
    const { target } = memory(0);
    const times = { occurredMs: START_MS, seenMs: START_MS };
    const failed: Signal = {
      ...{ kind: 'probe', target, type: 'readiness', failures: 1, successes: 0 },
      ...times,
    };
    expect(bench.at(1_000, failed).map(brief)).toEqual(open);
    expect(bench.at(2_000, alert()).map(brief)).toEqual(fired);
  });

  it('says why the last step led to nothing', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`).replace('0s', '10m'));
    for (const ms of [1_000, 3_000]) {
      bench.at(ms, aBackOff);
      bench.at(ms + 1_000, alert());
    }
    bench.at(5_000, aBackOff);
    expect(bench.at(6_000, alert())).toMatchObject([{ reason: 'cooldown' }]);
  });

  it('only counts what it does not select', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`).replace('{}', '{ namespaces: [bank] }'));
    expect(bench.at(1_000, aBackOff)).toEqual([]);
    expect(quietCounts(bench.state)).toEqual([{ rule: 'seq', reason: 'not-selected', count: 1 }]);
  });

  it('never holds more than its steps, however often they come', () => {
    const steps = `${backOff}, ${backOff}, ${backOff}, ${shell}`;
    const bench = startOf(spec(steps));
    for (let ms = 0; ms < 5_000; ms += 10) bench.at(ms, aBackOff);
    const saved = saveState(bench.core, bench.state).pods[0]?.memos ?? [];
    expect(saved).toMatchObject([['app', 'seq', { chains: [{}, {}, {}] }]]);
    expect(JSON.stringify(saved).length).toBeLessThan(2_000);
  });

  it('is remembered over a restart, moves with the clock, and goes with its pod', () => {
    const bench = startOf(spec(`${backOff}, ${shell}`));
    bench.at(3_600_000, aBackOff);
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    bench.state = restoreState(bench.core, saved);
    bench.at(0, wake);
    expect(bench.at(60_000, alert()).map(brief)).toEqual(fired);
    bench.at(61_000, aBackOff);
    bench.at(62_000, podGone());
    bench.at(63_000, podChanged(pod()));
    expect(bench.at(64_000, alert())).toEqual([]);
  });
});

describe('the sources', () => {
  it('are told what the steps of a sequence wait for', () => {
    const bench = benchOf({
      seq: spec('{ probe: { type: startup } }, { memory: { above: 70% } }'),
      oom: 'when: { memory: { above: 85% } }\ntarget: {}',
    });
    const startup = { type: 'startup', handler: 'exec', periodMs: 5_000 } as const;
    const probes: ContainerFact['probes'] = [{ ...startup, timeoutMs: 1_000, failureThreshold: 3 }];
    bench.at(0, podChanged(pod({ containers: [running('app', { probes })] }), true));
    expect(memoryThresholds(bench.core, bench.state)).toMatchObject([{ alarmRatio: 0.7 }]);
    expect(probeWatches(bench.core, bench.state)).toMatchObject([{ type: 'startup' }]);
  });
});
