import { describe, expect, it } from '@jest/globals';
import { quietCounts } from '../../src/rules/index.ts';
import {
  benchOf,
  brief,
  event,
  pod,
  podChanged,
  podGone,
  running,
  START_MS,
  waiting,
} from './support/bench.ts';

const liveness =
  'when: { event: { reason: Unhealthy, type: Warning, message: { re2: "^Liveness probe failed" } } }\ntarget: {}';
const thrice =
  'when: { event: { reason: [BackOff, Unhealthy], atLeast: 3, within: 1m } }\ntarget: {}\nlimits: { cooldown: 0s }';

function benchWith(spec: string, fact = pod()) {
  const bench = benchOf({ rule: spec });
  bench.at(0, podChanged(fact, true));
  return bench;
}

describe('an event rule', () => {
  const probe = {
    handler: 'httpGet',
    periodMs: 10_000,
    timeoutMs: 1_000,
    failureThreshold: 3,
  } as const;

  it('fires at the first liveness failure and expects the kill two periods later', () => {
    const container = running('app', { probes: [{ type: 'liveness', ...probe }] });
    const bench = benchWith(liveness, pod({ containers: [container] }));
    expect(bench.at(1_000, event())).toMatchObject([
      {
        verdict: 'fire',
        detail: '1 of 1 within 1m',
        deathExpectedAtMs: START_MS + 21_000,
        signal: { text: expect.stringMatching(/^Unhealthy: Liveness probe failed/) },
      },
    ]);
  });

  const quiet: [name: string, signal: ReturnType<typeof event>][] = [
    ['another reason', event({ reason: 'Killing' })],
    ['another type', event({ type: 'Normal' })],
    ['another message', event({ message: 'Readiness probe failed: x' })],
    ['a probe that could not be run', event({ message: 'Liveness probe errored: x' })],
    ['a pod of another node', event({ pod: 'other', podUid: 'uid-other' })],
    ['the former pod of that name', event({ podUid: 'uid-former' })],
  ];
  it.each(quiet)('says nothing about %s', (_name, signal) => {
    expect(benchWith(liveness).at(0, signal)).toEqual([]);
  });

  const fields: [match: string, signal: ReturnType<typeof event>, holds: boolean][] = [
    ['{ field: source.component, equals: kubelet }', event({ component: 'kubelet' }), true],
    ['{ field: source.component, equals: kubelet }', event({ component: 'other' }), false],
    ['{ field: source.component, equals: kubelet }', event(), false],
    ['{ field: source.component, not: { glob: "job-*" } }', event(), true],
    ['{ field: container, in: [app, web] }', event(), true],
    ['{ field: container, exists: false }', event({ container: undefined }), true],
    ['{ field: container, exists: false }', event(), false],
    ['{ field: type, equals: Warning }, { field: reason, glob: "Un*" }', event(), true],
    ['{ field: type, equals: Warning }, { field: container, glob: "x*" }', event(), false],
    ['{ field: message, not: { contains: "503" } }', event({ message: 'Liveness: 503' }), false],
    ['{ field: message, re2: "code: (500|502)$" }', event(), true],
    [
      '{ field: message, glob: "Liveness*" }',
      event({ message: '(combined from similar events): Liveness probe failed: x' }),
      true,
    ],
  ];
  it.each(fields)('with match [%s] looks at the fields (%#)', (match, signal, holds) => {
    const bench = benchWith(
      `when: { event: { reason: Unhealthy, match: [${match}] } }\ntarget: {}`,
    );
    expect(bench.at(0, signal).map(brief)).toEqual(holds ? ['fired rule shop/cart/app'] : []);
  });

  it('tells of each field that it matched what was there, without secrets', () => {
    const bench = benchWith(
      'when: { event: { reason: Unhealthy, match: [{ field: message, contains: failed }] } }\ntarget: {}',
    );
    const [decision] = bench.at(0, event({ message: 'probe failed: token=abc' }));
    expect(decision?.trail).toContainEqual({
      part: 'when.event.match[0]',
      holds: true,
      saw: 'probe failed: token=[redacted]',
      wants: 'message contains "failed"',
    });
  });

  it('takes the kernel of an Event that the recorder combined', () => {
    const message = '(combined from similar events): Liveness probe failed: x';
    expect(benchWith(liveness).at(0, event({ message })).map(brief)).toEqual([
      'fired rule shop/cart/app',
    ]);
  });

  it("takes a static pod's Event by the kubelet's uid of it, and denies it", () => {
    const bench = benchWith(liveness, pod({ staticUid: 'hash', isStatic: true }));
    expect(bench.at(0, event({ podUid: 'hash' }))).toMatchObject([{ reason: 'denied' }]);
  });

  it('counts in a sliding window, and again while it holds', () => {
    const bench = benchWith(thrice);
    const reasons = [0, 10_000, 69_999, 70_001, 75_000, 80_000].map((ms) =>
      bench.at(ms, event()).map(({ reason, detail }) => `${reason}: ${detail}`),
    );
    expect(reasons.flat()).toEqual([
      'window-open: 1 of 3 within 1m',
      'window-open: 2 of 3 within 1m',
      'window-open: 2 of 3 within 1m',
      'window-open: 2 of 3 within 1m',
      'fired: 3 of 3 within 1m',
      'fired: 3 of 3 within 1m',
    ]);
  });

  it('takes a count that jumps as that many occurrences', () => {
    const bench = benchWith(thrice);
    expect(bench.at(0, event({ countDelta: 15 })).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('does not count what happened before the window but comes late', () => {
    const bench = benchWith(thrice);
    bench.at(100_000, event());
    bench.at(100_001, event());
    const late = bench.at(100_002, event({ occurredMs: START_MS + 30_000 }));
    expect(late).toMatchObject([{ reason: 'window-open', detail: '2 of 3 within 1m' }]);
    const inTime = bench.at(100_003, event({ occurredMs: START_MS + 50_000 }));
    expect(inTime).toMatchObject([{ reason: 'fired' }]);
  });

  it('cools down over a restart of the container', () => {
    const bench = benchWith(`${liveness}\nlimits: { cooldown: 1m }`);
    bench.at(0, event());
    bench.at(1_000, podChanged(pod({ containers: [running('app', { restartCount: 1 })] })));
    expect(bench.at(2_000, event())).toMatchObject([
      { verdict: 'suppress', reason: 'cooldown', detail: 'until 00:01:00Z' },
    ]);
    expect(bench.at(60_000, event()).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('cools down for a pod reborn under the name, but counts for it anew', () => {
    const bench = benchWith(`${thrice.replace('0s', '10m')}`);
    bench.at(0, event({ countDelta: 3 }));
    bench.at(1_000, podGone());
    bench.at(2_000, podChanged(pod({ uid: 'uid-2' })));
    const reborn = (countDelta: number) => event({ podUid: 'uid-2', countDelta });
    expect(bench.at(3_000, reborn(2))).toMatchObject([{ reason: 'window-open' }]);
    expect(bench.at(4_000, reborn(1))).toMatchObject([{ reason: 'cooldown' }]);
  });

  it('forgets the former pod even when its end comes after its successor', () => {
    const bench = benchWith(thrice);
    bench.at(0, event({ countDelta: 2 }));
    bench.at(1_000, podChanged(pod({ uid: 'uid-2' })));
    bench.at(1_001, podGone('uid-cart'));
    expect(bench.at(2_000, event({ podUid: 'uid-2' }))).toMatchObject([
      { reason: 'window-open', detail: '1 of 3 within 1m' },
    ]);
  });

  it('names a container that does not run', () => {
    const bench = benchWith(liveness, pod({ containers: [waiting()] }));
    expect(bench.at(0, event())).toMatchObject([
      { reason: 'not-running', detail: 'waiting: CrashLoopBackOff' },
    ]);
  });

  it('takes a pod-level Event for the only app container, sidecars aside', () => {
    const containers = [running('proxy', { type: 'sidecar' }), running('app')];
    const bench = benchWith(liveness, pod({ containers }));
    expect(bench.at(0, event({ container: undefined })).map(brief)).toEqual([
      'fired rule shop/cart/app',
    ]);
  });

  it('does not guess between two app containers', () => {
    const bench = benchWith(liveness, pod({ containers: [running('a'), running('b')] }));
    expect(bench.at(0, event({ container: undefined }))).toMatchObject([
      { reason: 'target-ambiguous', target: undefined, detail: 'about the pod as a whole: a, b' },
    ]);
  });

  it('lets the rule name the container that a pod-level Event means', () => {
    const spec = liveness.replace('target: {}', 'target: { containers: [b] }');
    const bench = benchWith(spec, pod({ containers: [running('a'), running('b')] }));
    expect(bench.at(0, event({ container: undefined })).map(brief)).toEqual([
      'fired rule shop/cart/b',
    ]);
  });

  it('names a container that the pod does not have', () => {
    expect(benchWith(liveness).at(0, event({ container: 'ghost' }))).toMatchObject([
      { reason: 'target-unknown', detail: 'no container ghost' },
    ]);
  });

  it('counts what it does not select, without a decision', () => {
    const bench = benchWith(liveness.replace('{}', '{ namespaces: ["pay-*"] }'));
    expect(bench.at(0, event())).toEqual([]);
    expect(quietCounts(bench.state)).toEqual([{ rule: 'rule', reason: 'not-selected', count: 1 }]);
  });

  it('of a namespace reaches only that', () => {
    const bench = benchOf({ 'pay/rule': liveness, 'shop/rule': liveness });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(0, event()).map(brief)).toEqual(['fired shop/rule shop/cart/app']);
  });
});

describe('a clock that is set', () => {
  const spec = `${liveness}\nlimits: { cooldown: 10m }`;

  it('back by an hour makes no cooldown longer', () => {
    const bench = benchWith(spec);
    bench.at(3_600_000, event());
    expect(bench.at(60_000, event())).toMatchObject([{ reason: 'cooldown' }]);
    expect(bench.at(599_999, event())).toMatchObject([{ reason: 'cooldown' }]);
    expect(bench.at(660_000, event()).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('back by an hour keeps what is in a window', () => {
    const bench = benchWith(thrice);
    bench.at(3_600_000, event());
    bench.at(3_610_000, event());
    expect(bench.at(0, event()).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('back by less than a second stands still meanwhile', () => {
    const bench = benchWith(thrice);
    bench.at(10_500, event());
    bench.at(10_000, event());
    expect(bench.state.nowMs).toBe(START_MS + 10_500);
  });

  it('forward by an hour ends a cooldown: a sleep of the machine looks the same', () => {
    const bench = benchWith(spec);
    bench.at(0, event());
    expect(bench.at(3_600_000, event()).map(brief)).toEqual(['fired rule shop/cart/app']);
  });
});
