import { describe, expect, it } from '@jest/globals';
import type { Decision } from '../../src/rules/index.ts';
import { boundTrail, part } from '../../src/rules/trail.ts';
import {
  alert,
  benchOf,
  event,
  memory,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  tick,
  waiting,
  wake,
} from './support/bench.ts';

const specs = {
  oom: 'when: { memory: { above: 85%, for: 2s } }\ntarget: {}\nlimits: { cooldown: 0s }',
  live: 'when: { event: { reason: Unhealthy, type: Warning, message: { contains: Liveness }, atLeast: 2, within: 1m } }\ntarget: {}',
  night: 'mode: observe\nwhen: { schedule: { cron: "0 2 * * *" } }\ntarget: {}',
  falco:
    'when: { alert: { shape: falco, match: [ { field: priority, equals: Critical }, { field: user.token, exists: true } ] } }\ntarget: { containers: [app] }',
};

const loop = {
  loop: 'when: { crashLoop: { restarts: 2, within: 10m, capture: { after: 3s } } }\ntarget: {}\nlimits: { cooldown: 0s }',
};

/** `+ when.memory.above: 90 % (>= 85 %)`, with - for what does not hold. */
function lines(decision: Decision | undefined): string[] {
  return (decision?.trail ?? []).map(
    ({ part, holds, saw, wants }) =>
      `${holds ? '+' : '-'} ${part}: ${saw}${wants === undefined ? '' : ` (${wants})`}`,
  );
}

const passed = [
  '+ target: shop/cart/app',
  '+ deny list: not on it',
  '+ container: running',
  '+ limits.cooldown: none under way',
  '+ mode: enforce (enforce)',
];

describe('the trail of a decision', () => {
  it('of memory: level and time, then every check that it passed', () => {
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod(), true));
    const [waits] = bench.at(0, memory(0.9));
    expect(lines(waits)).toEqual([
      '+ when.memory.above: 90 % (>= 85 %)',
      '- when.memory.for: 0ms (2s)',
    ]);
    const [fired] = bench.at(2_000, wake);
    expect(lines(fired)).toEqual([
      '+ when.memory.above: 90 % (>= 85 %)',
      '+ when.memory.for: 2s (2s)',
      ...passed,
    ]);
    bench.at(3_000, memory(0.1));
    bench.at(3_500, memory(0.9));
    expect(lines(bench.at(9_000, memory(0.9))[0])).toEqual([
      '+ when.memory.above: 90 % (>= 85 %)',
      '+ when.memory.for: 5.5s (2s)',
      '- once a life: fired at 00:00:02Z',
    ]);
  });

  it('of an Event: reason, type, message, count, and the cooldown that holds it back', () => {
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod(), true));
    const asked = [
      '+ when.event.reason: Unhealthy (Unhealthy)',
      '+ when.event.type: Warning (Warning)',
      '+ when.event.message: Liveness probe failed: HTTP probe failed with statuscode: 500 (contains "Liveness")',
    ];
    const count = 'when.event.atLeast';
    expect(lines(bench.at(0, event())[0])).toEqual([...asked, `- ${count}: 1 within 1m (2)`]);
    const two = [...asked, `+ ${count}: 2 within 1m (2)`];
    expect(lines(bench.at(1_000, event())[0])).toEqual([...two, ...passed]);
    expect(lines(bench.at(2_000, event())[0])).toEqual([
      ...two,
      ...passed.slice(0, 3),
      '- limits.cooldown: until 00:10:01Z',
    ]);
  });

  it('of an alert: the values of the fields without secrets, and why there is no target', () => {
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod(), true));
    const fields = { priority: 'Critical', 'user.token': 'abc' };
    const matched = [
      '+ when.alert.shape: falco (falco)',
      '+ when.alert.match[0]: "Critical" (priority equals "Critical")',
      '+ when.alert.match[1]: "[redacted]" (user.token exists true)',
    ];
    expect(lines(bench.at(0, alert({ fields }))[0])).toEqual([...matched, ...passed]);
    const stranger = alert({ fields, hints: { containerIdPrefix: 'bbbbbbbbbbbb' } });
    expect(lines(bench.at(1, stranger)[0])).toEqual([
      ...matched,
      '- signal.target: no container id begins with bbbbbbbbbbbb; it names no node, so it may be about another one',
    ]);
  });

  it('of a schedule that only observes: the mode is the part that fails', () => {
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod(), true));
    expect(lines(bench.at(0, tick('night'))[0])).toEqual([
      '+ when.schedule.cron: 2026-01-01T00:00:00.000Z (0 2 * * * (UTC))',
      ...passed.slice(0, -1),
      '- mode: observe (enforce)',
    ]);
  });

  it('of a request: who asked, and the check that refused', () => {
    const bench = benchOf(specs);
    bench.at(0, podChanged(pod({ containers: [waiting()] }), true));
    expect(lines(bench.at(0, request())[0])).toEqual([
      '+ request: by cli uid 0',
      '+ target: shop/cart/app',
      '+ deny list: not on it',
      '- container: waiting: CrashLoopBackOff',
    ]);
  });

  it('of a crash loop: the count arms, the age fires', () => {
    const bench = benchOf(loop);
    bench.at(0, podChanged(pod(), true));
    const life = (restartCount: number, ms: number) => {
      const finishedAtMs = START_MS + ms;
      const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs };
      const state = { kind: 'running', startedAtMs: finishedAtMs } as const;
      return podChanged(pod({ containers: [running('app', { restartCount, lastEnd, state })] }));
    };
    expect(lines(bench.at(1_000, life(1, 1_000))[0])).toEqual([
      '- when.crashLoop.restarts: 1 within 10m (2)',
    ]);
    expect(lines(bench.at(5_000, life(2, 5_000))[0])).toEqual([
      '+ when.crashLoop.restarts: 2 within 10m (2)',
      '- when.crashLoop.capture.after: 2 of 2 failures within 10m (at 00:00:08Z)',
    ]);
    expect(lines(bench.at(8_000, wake)[0])).toEqual([
      '+ when.crashLoop.restarts: 2 within 10m (2)',
      '+ when.crashLoop.capture.after: 3s old (3s)',
      ...passed,
    ]);
  });

  it('stays bounded: long texts are cut, of many parts those that fail are kept', () => {
    const parts = Array.from({ length: 100 }, (_, n) => part(`p${n}`, n !== 7, 'x'.repeat(1_000)));
    const trail = boundTrail(parts);
    expect(trail).toHaveLength(32);
    expect(trail.some(({ holds }) => !holds)).toBe(true);
    expect(trail.at(-1)?.part).toBe('p99');
    expect(JSON.stringify(trail).length).toBeLessThan(8_000);
  });
});
