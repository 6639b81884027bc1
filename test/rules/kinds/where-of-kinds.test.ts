import { beforeAll, describe, expect, it } from '@jest/globals';
import { prepareWhere } from '../../../src/rules/where/index.ts';
import type { ContainerFact, Signal } from '../../../src/signal/index.ts';
import {
  alert,
  benchOf,
  event,
  memory,
  pod,
  podChanged,
  running,
  START_MS,
} from '../support/bench.ts';

beforeAll(() => prepareWhere());

const liveness = { type: 'liveness', handler: 'httpGet', failureThreshold: 3 } as const;
const probes: ContainerFact['probes'] = [{ ...liveness, periodMs: 10_000, timeoutMs: 1_000 }];
const containers = [running('app', { probes })];
const labelled = { labels: { team: 'payments' }, containers };
const { target } = memory(0);
const times = { occurredMs: START_MS, seenMs: START_MS };
const counts = { failures: 1, successes: 0 };
const failed: Signal = { kind: 'probe', target, type: 'liveness', ...counts, ...times };
const backOff = '{ event: { reason: BackOff } }';
const shell = '{ alert: { shape: falco, match: [{ field: rule, glob: "*" }] } }';

describe('where holds for every kind of condition', () => {
  it.each<[string, string, (labels: object) => Signal[]]>([
    ['probe', '{ probe: { type: liveness } }', () => [failed]],
    [
      'terminating',
      '{ terminating: { causes: [delete] } }',
      (more) => [podChanged(pod({ ...more, deletingAtMs: START_MS + 30_000 }))],
    ],
    [
      'sequence',
      `{ sequence: { within: 1m, steps: [${backOff}, ${shell}] } }`,
      () => [event({ reason: 'BackOff' }), alert()],
    ],
  ])('%s', (_name, when, signals) => {
    const reasonOf = (team: string) => {
      const spec = `when: ${when}\nwhere: 'pod.labels["team"] == "${team}"'\ntarget: {}`;
      const bench = benchOf({ rule: spec });
      bench.at(0, podChanged(pod(labelled), true));
      return signals(labelled).flatMap((signal) =>
        bench.at(1_000, signal).map((one) => one.reason),
      );
    };
    expect(reasonOf('payments')).toContain('fired');
    expect(reasonOf('search')).not.toContain('fired');
  });
});
