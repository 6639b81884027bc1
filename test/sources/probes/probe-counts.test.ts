import { describe, expect, it } from '@jest/globals';
import { probeCountsOf, probeKey } from '../../../src/sources/probes/probe-counts.ts';

function line(more: Record<string, string>, value: string | number): string {
  const labels = {
    container: 'app',
    namespace: 'shop',
    pod: 'cart',
    pod_uid: 'u1',
    probe_type: 'Liveness',
    result: 'failed',
    ...more,
  };
  const shown = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  return `prober_probe_total{${shown.join(',')}} ${value}\n`;
}

const key = probeKey('u1', 'app', 'liveness');

describe('the counters of probes', () => {
  it('are read between all the other metrics', () => {
    const text =
      '# HELP prober_probe_duration_seconds x\nprober_probe_duration_seconds_bucket{le="1"} 4\n' +
      `# TYPE prober_probe_total counter\n${line({}, 3)}${line({ result: 'successful' }, '1e+06')}` +
      `other 1\n${line({ probe_type: 'Readiness', container: 'web' }, 2)}`;
    expect(probeCountsOf(text)).toEqual(
      new Map([
        [key, { failed: 3, successful: 1_000_000 }],
        [probeKey('u1', 'web', 'readiness'), { failed: 2, successful: 0 }],
      ]),
    );
  });

  it.each([
    ['the first line', line({}, 3)],
    ['a label with signs that mean something', line({ pod: 'a\\"}, b', x: ',' }, 3)],
    ['a time after the value', line({}, '3 1767225600000')],
  ])('are read from %s', (_name, text) => {
    expect(probeCountsOf(text).get(key)).toEqual({ failed: 3, successful: 0 });
  });

  it.each([
    ['nothing', ''],
    ['a line that was cut off', line({}, 3).slice(0, -1)],
    ['no number', line({}, 'NaN')],
    ['an unknown probe', line({ probe_type: 'Resize' }, 3)],
    ['no pod', line({ pod_uid: '' }, 3)],
    ['labels without end', `prober_probe_total{${'a="b",'.repeat(1_000)}\n`],
    ['another metric', line({}, 3).replace('total', 'total_of_mine')],
  ])('are not read from %s', (_name, text) => {
    expect(probeCountsOf(text).size).toBe(0);
  });
});
