import { afterEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../../src/base/index.ts';
import type { Signal } from '../../../src/signal/index.ts';
import {
  createProbesSource,
  type ProbesSource,
  type ProbeWatch,
} from '../../../src/sources/probes/index.ts';
import type { SourceStatus } from '../../../src/sources/source.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const running: ProbesSource[] = [];
afterEach(async () => {
  for (const source of running.splice(0)) await source.stop();
});

function watchOf(more: Partial<ProbeWatch> = {}, containerId = 'a'.repeat(64)): ProbeWatch {
  const target = { namespace: 'shop', pod: 'cart', podUid: 'u1', container: 'app', containerId };
  return { target, kubeletPodUid: 'u1', type: 'liveness', periodMs: 4_000, ...more };
}

async function start() {
  const clock = createFakeClock();
  const counts = { failed: 0, successful: 0 };
  const signals: Signal[] = [];
  const statuses: SourceStatus[] = [];
  const kubelet = { asked: 0, fails: undefined as StillpointError | undefined };
  const source = createProbesSource({
    clock,
    emit: (signal) => signals.push(signal),
    onStatus: (_name, status) => statuses.push(status),
    kubelet: {
      async probeMetrics() {
        kubelet.asked++;
        if (kubelet.fails) throw kubelet.fails;
        const labels = 'container="app",pod_uid="u1",probe_type="Liveness"';
        return Object.entries(counts)
          .map(([result, count]) => `prober_probe_total{${labels},result="${result}"} ${count}\n`)
          .join('');
      },
    },
  });
  running.push(source);
  await source.start();
  const fresh = () =>
    signals
      .splice(0)
      .map((one) => (one.kind === 'probe' ? [one.failures, one.successes] : one.kind));
  return { clock, counts, kubelet, source, statuses, fresh };
}

describe('the probes source', () => {
  it('asks nobody while nothing is watched', async () => {
    const { clock, kubelet, source } = await start();
    await clock.advance(60_000);
    expect(kubelet.asked).toBe(0);
    source.watch([watchOf()]);
    await clock.advance(6_000);
    expect(kubelet.asked).toBe(4);
    source.watch([]);
    await clock.advance(60_000);
    expect(kubelet.asked).toBe(4);
  });

  it.each([
    [1_000, 1_000],
    [10_000, 5_000],
    [60_000, 5_000],
  ])('looks twice in a period of %i ms: each %i ms', async (periodMs, everyMs) => {
    const { clock, kubelet, source } = await start();
    source.watch([watchOf({ periodMs })]);
    await clock.advance(0);
    expect(kubelet.asked).toBe(1);
    await clock.advance(10 * everyMs);
    expect(kubelet.asked).toBe(11);
  });

  it('tells each failure, and the success that ends the row; nothing of the past', async () => {
    const { clock, counts, source, fresh } = await start();
    counts.failed = 7;
    source.watch([watchOf()]);
    await clock.advance(2_000);
    expect(fresh()).toEqual([]);
    counts.failed = 8;
    await clock.advance(2_000);
    expect(fresh()).toEqual([[1, 0]]);
    counts.successful = 1;
    await clock.advance(2_000);
    expect(fresh()).toEqual([[0, 1]]);
    counts.successful = 2;
    await clock.advance(2_000);
    expect(fresh()).toEqual([]);
  });

  it('tells the first success, for a row that was there before the agent', async () => {
    const { clock, counts, source, fresh } = await start();
    source.watch([watchOf()]);
    await clock.advance(2_000);
    counts.successful = 1;
    await clock.advance(2_000);
    expect(fresh()).toEqual([[0, 1]]);
  });

  it('begins anew in another life: the last counts may speak of the former', async () => {
    const { clock, counts, source, fresh } = await start();
    source.watch([watchOf()]);
    await clock.advance(2_000);
    counts.failed = 1;
    source.watch([watchOf({}, 'b'.repeat(64))]);
    await clock.advance(2_000);
    expect(fresh()).toEqual([]);
    counts.failed = 2;
    await clock.advance(2_000);
    expect(fresh()).toEqual([[1, 0]]);
  });

  it('takes what a restarted kubelet counts as new', async () => {
    const { clock, counts, source, fresh } = await start();
    counts.failed = 9;
    source.watch([watchOf()]);
    await clock.advance(2_000);
    counts.failed = 1;
    await clock.advance(2_000);
    expect(fresh()).toEqual([[1, 0]]);
    expect(source.dropped()).toEqual({ 'counter-reset': 1 });
  });

  it('is degraded while the kubelet refuses, says which right is missing, and goes on', async () => {
    const { clock, counts, kubelet, source, statuses, fresh } = await start();
    source.watch([watchOf()]);
    await clock.advance(2_000);
    const hint = 'allow nodes/metrics';
    kubelet.fails = new StillpointError({ code: 'forbidden', message: 'Forbidden', hint });
    await clock.advance(4_000);
    counts.failed = 1;
    kubelet.fails = undefined;
    await clock.advance(2_000);
    expect(statuses).toMatchObject([
      { state: 'live' },
      {
        state: 'degraded',
        reason: 'Forbidden (allow nodes/metrics); only Events tell of failing probes',
      },
      { state: 'live' },
    ]);
    expect(fresh()).toEqual([[1, 0]]);
  });
});
