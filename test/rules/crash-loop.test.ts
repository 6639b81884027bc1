import { describe, expect, it } from '@jest/globals';
import type { ContainerEnd } from '../../src/signal/index.ts';
import {
  benchOf,
  brief,
  id,
  pod,
  podChanged,
  podGone,
  running,
  START_MS,
  waiting,
  wake,
} from './support/bench.ts';

const spec = `
when: { crashLoop: { restarts: 3, within: 10m, capture: { after: 2s } } }
target: {}
limits: { cooldown: 1h }`;

function endedAt(ms: number, more: Partial<ContainerEnd> = {}): ContainerEnd {
  return { reason: 'Error', exitCode: 1, finishedAtMs: START_MS + ms, ...more };
}

/** Life number `restartCount`, begun at `ms`, after one that ended a second before. */
function life(restartCount: number, ms: number, end: Partial<ContainerEnd> = {}) {
  return podChanged(
    pod({
      containers: [
        running('app', {
          containerId: id(`a${restartCount}`),
          restartCount,
          state: { kind: 'running', startedAtMs: START_MS + ms },
          lastEnd: endedAt(ms - 1_000, end),
        }),
      ],
    }),
  );
}

/** In back-off after the life number `restartCount`, which ended at `ms`. */
function backOff(restartCount: number, ms: number) {
  const containerId = id(`a${restartCount}`);
  return podChanged(
    pod({ containers: [waiting('app', { restartCount, containerId, lastEnd: endedAt(ms) })] }),
  );
}

function benchWith(text = spec) {
  const bench = benchOf({ loop: text });
  bench.at(0, podChanged(pod(), true));
  return bench;
}

describe('a crash loop rule', () => {
  it('arms the life after the last failure and captures it when it is old enough', () => {
    const bench = benchWith();
    expect(bench.at(10_000, life(1, 10_000)).map(brief)).toEqual([
      'window-open loop shop/cart/app',
    ]);
    bench.at(30_000, life(2, 30_000));
    expect(bench.at(60_400, life(3, 60_000))).toMatchObject([
      {
        verdict: 'arm',
        reason: 'armed',
        detail: '3 of 3 failures within 10m; captures at 00:01:02Z',
        target: { containerId: id('a3') },
      },
    ]);
    expect(bench.wakeAtMs()).toBe(62_000);
    expect(bench.at(61_999, wake)).toEqual([]);
    expect(bench.at(62_000, wake)).toMatchObject([
      {
        verdict: 'fire',
        reason: 'fired',
        target: { containerId: id('a3') },
        signal: { text: 'app failed: Error (exit code 1), restarted 3 times' },
      },
    ]);
    expect(bench.at(63_000, wake)).toEqual([]);
  });

  it('captures at once when the news of a life comes late', () => {
    const bench = benchWith(spec.replace('restarts: 3', 'restarts: 1'));
    expect(bench.at(15_000, life(1, 10_000)).map(brief)).toEqual([
      'armed loop shop/cart/app',
      'fired loop shop/cart/app',
    ]);
  });

  it('waits through the back-off for the next life', () => {
    const bench = benchWith();
    const known = running('app', { restartCount: 2, lastEnd: endedAt(1_000) });
    bench.at(2_000, podChanged(pod({ containers: [known] })));
    expect(bench.at(10_000, backOff(3, 9_500))).toMatchObject([
      {
        verdict: 'arm',
        detail: '3 of 3 failures within 10m; captures next life 2s after its start',
      },
    ]);
    expect(bench.wakeAtMs()).toBeUndefined();
    expect(bench.at(50_000, life(3, 49_500))).toEqual([]);
    expect(bench.at(51_500, wake).map(brief)).toEqual(['fired loop shop/cart/app']);
  });

  it('takes the life after one that ended too early', () => {
    const bench = benchWith(spec.replace('restarts: 3', 'restarts: 1'));
    bench.at(10_000, life(1, 10_000));
    expect(bench.at(11_000, backOff(1, 10_900))).toMatchObject([
      { reason: 'armed', detail: expect.stringContaining('the life ended before it was 2s old') },
    ]);
    expect(bench.at(12_000, wake)).toEqual([]);
    expect(bench.at(30_000, life(2, 30_000))).toEqual([]);
    expect(bench.at(32_000, wake)).toMatchObject([
      { reason: 'fired', target: { containerId: id('a2') } },
    ]);
  });

  it('counts restarts that were seen as one jump', () => {
    const bench = benchWith();
    expect(bench.at(60_000, life(3, 60_000)).map(brief)).toEqual(['armed loop shop/cart/app']);
  });

  it('is only primed by the first list', () => {
    const bench = benchOf({ loop: spec });
    const crashed = running('app', { restartCount: 50, lastEnd: endedAt(-1_000) });
    expect(bench.at(0, podChanged(pod({ containers: [crashed] }), true))).toEqual([]);
    expect(bench.at(5_000, podChanged(pod({ containers: [crashed] })))).toEqual([]);
  });

  it('does not count a clean end', () => {
    const bench = benchWith();
    const clean = { reason: 'Completed', exitCode: 0 };
    for (const n of [1, 2, 3, 4]) {
      expect(bench.at(n * 10_000, life(n, n * 10_000, clean))).toEqual([]);
    }
  });

  it('does not count an old status that comes again', () => {
    const bench = benchWith();
    bench.at(10_000, life(1, 10_000));
    bench.at(30_000, life(2, 30_000));
    bench.at(30_100, life(1, 10_000));
    expect(bench.at(30_200, life(2, 30_000))).toEqual([]);
  });

  it('forgets failures that are older than the window', () => {
    const bench = benchWith();
    bench.at(10_000, life(1, 10_000));
    bench.at(300_000, life(2, 300_000));
    expect(bench.at(700_000, life(3, 700_000))).toMatchObject([
      { reason: 'window-open', detail: '2 of 3 failures within 10m' },
    ]);
  });

  it('cools down after a capture', () => {
    const bench = benchWith(spec.replace('restarts: 3', 'restarts: 1'));
    bench.at(10_000, life(1, 10_000));
    bench.at(12_000, wake);
    expect(bench.at(40_000, life(2, 40_000))).toMatchObject([{ reason: 'cooldown' }]);
  });

  it('lets go when the pod goes', () => {
    const bench = benchWith(spec.replace('restarts: 3', 'restarts: 1'));
    bench.at(10_000, life(1, 10_000));
    bench.at(11_000, podGone());
    expect(bench.at(12_000, wake)).toEqual([]);
  });

  it('lets go of an arm that waited in vain', () => {
    const bench = benchWith(spec.replace('restarts: 3', 'restarts: 1'));
    bench.at(10_000, backOff(1, 9_000));
    bench.at(
      700_000,
      podChanged(
        pod({ containers: [running('app', { restartCount: 1, lastEnd: endedAt(9_000) })] }),
      ),
    );
    expect(bench.wakeAtMs()).toBeUndefined();
  });

  it('names the deny list instead of arming', () => {
    const bench = benchOf({ loop: spec.replace('restarts: 3', 'restarts: 1') });
    const fact = pod({ isStatic: true });
    bench.at(0, podChanged(fact, true));
    const crashed = running('app', { restartCount: 1, lastEnd: endedAt(5_000) });
    expect(bench.at(6_000, podChanged({ ...fact, containers: [crashed] }))).toMatchObject([
      { reason: 'denied', detail: 'static pod' },
    ]);
  });

  it('observes at the same moment in mode observe', () => {
    const bench = benchWith(`${spec.replace('restarts: 3', 'restarts: 1')}\nmode: observe`);
    bench.at(10_000, life(1, 10_000));
    expect(bench.at(12_000, wake).map(brief)).toEqual(['observed loop shop/cart/app']);
  });
});
