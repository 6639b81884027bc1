import { describe, expect, it } from '@jest/globals';
import { createMetrics, type Metrics } from '../../src/outputs/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import {
  archived,
  failed,
  notAccepted,
  recordOf,
  refused,
  triggerOf,
} from '../support/outcomes.ts';

async function linesOf(metrics: Metrics): Promise<string[]> {
  const { body, contentType } = await metrics.text();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  return body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the metrics', () => {
  it('count signals, decisions and how captures ended', async () => {
    const metrics = await createMetrics('0.1.0');
    metrics.signalSeen('memory');
    metrics.signalSeen('memory');
    metrics.decided(fireOn(targetOf('a')));
    metrics.captured(failed());
    metrics.captured(refused('disk-low'));
    metrics.ended(notAccepted());
    metrics.removed('crash', 1_000);
    metrics.rulesRefused();
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'stillpoint_signals_total{kind="memory"} 2',
        'stillpoint_decisions_total{verdict="fire",reason="fired"} 1',
        'stillpoint_captures_total{result="failed",backend="kubelet"} 1',
        'stillpoint_captures_total{result="refused",backend="none"} 1',
        'stillpoint_capture_failures_total{class="established-tcp"} 1',
        'stillpoint_refusals_total{stage="guard",reason="disk-low"} 1',
        'stillpoint_refusals_total{stage="dispatch",reason="budget"} 1',
        'stillpoint_retention_removed_bytes_total{policy="crash"} 1000',
        'stillpoint_rules_refused_total 1',
      ]),
    );
  });

  it('measure how long a container stood still and how fast we were', async () => {
    const metrics = await createMetrics('0.1.0');
    const trigger = triggerOf(targetOf('a'), [
      fireOn(targetOf('a'), {
        signal: { kind: 'memory', occurredMs: 980, seenMs: 990, text: '', data: {} },
      }),
    ]);
    const { timings } = failed();
    metrics.captured({
      kind: 'captured',
      trigger,
      backend: 'cri',
      backendReason: '',
      archivePath: '/a.tar',
      predictedFreezeMs: 1,
      timings,
      thaw: { end: 'stuck', tookMs: 1, acts: [] },
    });
    metrics.ended({ kind: 'archived', trigger, record: recordOf(trigger) });
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'stillpoint_frozen_seconds_sum{backend="cri"} 0.48',
        'stillpoint_capture_seconds_sum{result="captured",backend="cri"} 1.234',
        'stillpoint_reaction_seconds_sum{kind="memory"} 0.03',
        'stillpoint_verify_seconds_sum 0.25',
        'stillpoint_archives_verified_total{result="complete"} 1',
        'stillpoint_thaw_stuck_total 1',
      ]),
    );
  });

  it('show at each scrape the state of what is watched and the levels', async () => {
    const metrics = await createMetrics('0.1.0');
    let state = 'starting';
    metrics.watch({ name: 'pods', state: () => state, dropped: () => ({ 'queue-full': 3 }) });
    let waiting = 1;
    metrics.measure(() => ({
      waiting: waiting++,
      rules: 4,
      archives: { ours: 2, oursBytes: 20, foreign: 1, foreignBytes: 10 },
      disk: { availableBytes: 100, floorBytes: 50 },
    }));
    await metrics.text();
    state = 'live';
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'stillpoint_state{of="pods",state="live"} 1',
        'stillpoint_state{of="levels",state="fresh"} 1',
        'stillpoint_dropped_total{by="pods",reason="queue-full"} 3',
        'stillpoint_queue_length 2',
        'stillpoint_archive_bytes{owner="foreign"} 10',
        'stillpoint_disk_bytes{what="floor"} 50',
      ]),
    );
    expect(lines.join('\n')).not.toContain('state="starting"');
  });

  it('show the rest when the levels cannot be read', async () => {
    const metrics = await createMetrics('0.1.0');
    metrics.signalSeen('alert');
    metrics.measure(() => Promise.reject(new Error('no disk')));
    const lines = await linesOf(metrics);
    expect(lines).toContain('stillpoint_signals_total{kind="alert"} 1');
    expect(lines).toContain('stillpoint_state{of="levels",state="stale"} 1');
  });

  it('hold no name of a pod, a container or an archive', async () => {
    const metrics = await createMetrics('0.1.0');
    for (const outcome of [archived(), failed(), refused(), notAccepted()]) metrics.ended(outcome);
    metrics.captured(failed());
    metrics.decided(fireOn(targetOf('a')));
    const text = (await linesOf(metrics)).join('\n');
    for (const name of ['cart-a', 'checkpoint-', 'uid-a', 'shop']) expect(text).not.toContain(name);
  });
});
