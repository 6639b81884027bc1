import { describe, expect, it } from '@jest/globals';
import { restoreState, saveState } from '../../src/rules/index.ts';
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
} from './support/bench.ts';

const HOUR_MS = 3_600_000;
const LASTING = 'when: { memory: { above: 80%, for: 10s } }\ntarget: {}\nlimits: { cooldown: 30s }';
const OOM = 'when: { memory: { above: 80% } }\ntarget: {}\nlimits: { cooldown: 0s }';
const LOOP =
  'when: { crashLoop: { restarts: 2, within: 1m, capture: { after: 5s } } }\ntarget: {}\nlimits: { cooldown: 0s }';
const PAIR = 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }\ntarget: {}';
const ORDER =
  'when: { sequence: { within: 1m, steps: [{ event: { reason: Unhealthy } }, { event: { reason: BackOff } }] } }\ntarget: {}';

function begin(rules: Record<string, string>): Bench {
  const bench = benchOf(rules);
  bench.at(0, podChanged(pod(), true));
  return bench;
}

/** Life `n` of the container: it began at `ms`, a second after the one before it failed. */
function life(n: number, ms: number, more: Partial<Parameters<typeof pod>[0]> = {}) {
  const lastEnd = {
    reason: 'Error',
    exitCode: 1,
    finishedAtMs: START_MS + ms - 1_000,
    containerId: id(`aaaaaaaaaa0${n - 1}`),
  };
  const state = { kind: 'running', startedAtMs: START_MS + ms } as const;
  const containerId = id(`aaaaaaaaaa0${n}`);
  const containers = [running('app', { containerId, state, lastEnd, restartCount: n })];
  return podChanged(pod({ ...more, containers }));
}

describe('a clock that goes back by an hour', () => {
  it('lets memory wait no longer than it would have', () => {
    const bench = begin({ oom: LASTING });
    bench.at(0, memory(0.9));
    expect(bench.at(4_000 - HOUR_MS, memory(0.9))).toEqual([]);
    expect(bench.wakeAtMs()).toBe(14_000 - HOUR_MS);
    expect(bench.at(14_000 - HOUR_MS, wake).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('captures the life after a crash loop no later than it would have', () => {
    const bench = begin({ loop: LOOP });
    bench.at(2_000, life(1, 2_000));
    expect(bench.at(4_000, life(2, 4_000)).map(brief)).toEqual(['armed loop shop/cart/app']);
    bench.at(5_000 - HOUR_MS, wake);
    expect(bench.wakeAtMs()).toBe(9_000 + 1_000 - HOUR_MS);
    const fired = bench.at(10_000 - HOUR_MS, wake);
    expect(fired.map(brief)).toEqual(['fired loop shop/cart/app']);
  });

  it('keeps the steps of a sequence, and their time', () => {
    const bench = begin({ order: ORDER });
    bench.at(0, event());
    bench.at(30_000, wake);
    bench.at(-HOUR_MS, wake);
    const late = event({ reason: 'BackOff' });
    expect(bench.at(20_000 - HOUR_MS, late).map(brief)).toEqual(['fired order shop/cart/app']);
  });

  it('means the same to an agent that was restarted in between', () => {
    const bench = begin({ oom: LASTING, pair: PAIR });
    bench.at(0, memory(0.9));
    bench.at(0, event());
    bench.state = restoreState(
      bench.core,
      JSON.parse(JSON.stringify(saveState(bench.core, bench.state))),
    );
    expect(bench.at(-HOUR_MS, event()).map(brief)).toEqual(['fired pair shop/cart/app']);
    expect(bench.at(10_000 - HOUR_MS, wake).map(brief)).toEqual(['fired oom shop/cart/app']);
  });
});

describe('a clock that jumps forward by an hour', () => {
  it('empties windows: what was before is an hour old', () => {
    const bench = begin({ pair: PAIR });
    bench.at(0, event());
    expect(bench.at(HOUR_MS, event()).map(brief)).toEqual(['window-open pair shop/cart/app']);
  });

  it('ends what waits for a time, once', () => {
    const bench = begin({ oom: LASTING, loop: LOOP });
    bench.at(2_000, life(1, 2_000));
    bench.at(4_000, life(2, 4_000));
    const target = { ...memory(1).target, containerId: id('aaaaaaaaaa02') };
    bench.at(4_500, memory(0.9, { target }));
    expect(bench.at(HOUR_MS, wake).map(brief)).toEqual([
      'fired oom shop/cart/app',
      'fired loop shop/cart/app',
    ]);
    expect(bench.at(HOUR_MS, wake)).toEqual([]);
    expect(bench.wakeAtMs()).toBeUndefined();
  });

  it('gives up a sequence that was under way', () => {
    const bench = begin({ order: ORDER });
    bench.at(0, event());
    expect(bench.at(HOUR_MS, event({ reason: 'BackOff' }))).toEqual([]);
  });
});

describe('Events out of order', () => {
  it('count when they happened, not when they came', () => {
    const bench = begin({ pair: PAIR });
    bench.at(50_000, event({ occurredMs: START_MS + 50_000 }));
    const late = event({ occurredMs: START_MS + 45_000 });
    expect(bench.at(70_000, late).map(brief)).toEqual(['fired pair shop/cart/app']);
    const next = event({ occurredMs: START_MS + 108_000 });
    // Of the first two only the one of 50 s lies within the minute before 108 s.
    expect(bench.at(108_000, next).map(brief)).toEqual(['cooldown pair shop/cart/app']);
    const alone = event({ occurredMs: START_MS + 800_000 });
    expect(bench.at(800_000, alone).map(brief)).toEqual(['window-open pair shop/cart/app']);
  });

  it('cannot stay in a window for longer by a time in the future', () => {
    const bench = begin({ pair: PAIR });
    bench.at(0, event({ occurredMs: START_MS + HOUR_MS }));
    expect(bench.at(61_000, event()).map(brief)).toEqual(['window-open pair shop/cart/app']);
  });

  it('are none of the life that a probe failed in before', () => {
    const bench = benchOf({ ready: 'when: { probe: { type: readiness } }\ntarget: {}' });
    const probes = [
      {
        type: 'readiness',
        handler: 'exec',
        periodMs: 1_000,
        timeoutMs: 1_000,
        failureThreshold: 3,
      } as const,
    ];
    const state = { kind: 'running', startedAtMs: START_MS + 5_000 } as const;
    bench.at(5_000, podChanged(pod({ containers: [running('app', { probes, state })] }), true));
    const told = { message: 'Readiness probe failed: x' };
    expect(bench.at(5_100, event({ ...told, occurredMs: START_MS + 4_000 }))).toEqual([]);
    expect(bench.at(6_000, event({ ...told, occurredMs: START_MS + 6_000 }))).toHaveLength(1);
  });
});

describe('a pod that is born again under its name', () => {
  it('is not armed by the crashes of the one before', () => {
    const bench = begin({ loop: LOOP });
    bench.at(2_000, life(1, 2_000));
    expect(bench.at(4_000, life(2, 4_000, { uid: 'uid-next' }))).toEqual([]);
    expect(bench.at(6_000, life(3, 6_000, { uid: 'uid-next' }))).toMatchObject([
      { reason: 'window-open' },
    ]);
  });

  it('has memory of its own, and samples of the one before say nothing', () => {
    const bench = begin({ oom: OOM });
    expect(bench.at(0, memory(0.9))).toHaveLength(1);
    bench.at(1_000, podChanged(pod({ uid: 'uid-next' })));
    expect(bench.at(1_100, memory(0.9))).toEqual([]);
    bench.at(1_200, podGone('uid-cart'));
    const target = { ...memory(1).target, podUid: 'uid-next' };
    expect(bench.at(1_300, memory(0.9, { target })).map(brief)).toEqual([
      'fired oom shop/cart/app',
    ]);
  });

  it('is not meant by an alert that names the one before', () => {
    const bench = begin({
      falco:
        'when: { alert: { shape: falco, match: [{ field: rule, exists: true }] } }\ntarget: {}',
    });
    bench.at(1_000, podChanged(pod({ uid: 'uid-next' })));
    const named = { podUid: 'uid-cart', namespace: 'shop', pod: 'cart' };
    expect(bench.at(1_100, alert({ hints: named }))).toMatchObject([{ reason: 'target-unknown' }]);
  });
});

describe('a container id that is there again', () => {
  const withId = (hex: string) =>
    podChanged(pod({ containers: [running('app', { containerId: id(hex) })] }));
  const sampleOf = (hex: string) =>
    memory(0.9, { target: { ...memory(1).target, containerId: id(hex) } });

  it('after another one is a new life', () => {
    const bench = begin({ oom: OOM });
    bench.at(0, withId('aa'));
    expect(bench.at(1, sampleOf('aa')).map(brief)).toEqual(['fired oom shop/cart/app']);
    bench.at(2, withId('bb'));
    expect(bench.at(3, sampleOf('aa'))).toEqual([]);
    bench.at(4, withId('aa'));
    expect(bench.at(5, sampleOf('aa')).map(brief)).toEqual(['fired oom shop/cart/app']);
  });

  it('in two containers of a pod is nobody when an alert names it, and each by its name', () => {
    const bench = benchOf({
      falco:
        'when: { alert: { shape: falco, match: [{ field: rule, exists: true }] } }\ntarget: {}',
      oom: OOM,
    });
    const containers = ['app', 'web'].map((name) => running(name, { containerId: id('aa') }));
    bench.at(0, podChanged(pod({ containers }), true));
    const hints = { containerIdPrefix: id('aa') };
    expect(bench.at(1, alert({ hints }))).toMatchObject([{ reason: 'target-ambiguous' }]);
    const target = { ...memory(1).target, container: 'web', containerId: id('aa') };
    expect(bench.at(2, memory(0.9, { target })).map(brief)).toEqual(['fired oom shop/cart/web']);
    const [app] = containers;
    bench.at(3, podChanged(pod({ containers: app ? [app] : [] })));
    expect(bench.at(4, alert({ hints })).map(brief)).toEqual(['fired falco shop/cart/app']);
  });
});
