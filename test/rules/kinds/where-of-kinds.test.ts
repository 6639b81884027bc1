import { beforeAll, describe, expect, it } from '@jest/globals';
import { compileWhere, prepareWhere } from '../../../src/rules/where/index.ts';
import type { ContainerFact, Signal } from '../../../src/signal/index.ts';
import {
  alert,
  benchOf,
  brief,
  event,
  id,
  memory,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  tick,
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

const annotated = (token: string) => ({ annotations: { 'stillpoint.dev/capture': token } });

describe('what a condition tells where of its signal', () => {
  const rows: [kind: string, when: string, signals: Signal[], holds: string[], not: string][] = [
    [
      'probe',
      '{ probe: { type: liveness } }',
      [failed],
      [
        'signal.type == "liveness" && signal.handler == "httpGet"',
        'signal.failures == 1 && signal.failureThreshold == 3',
      ],
      'signal.failures > 1',
    ],
    [
      'probe, told by an Event',
      '{ probe: { type: liveness } }',
      [event({ countDelta: 2 })],
      ['signal.failures == 2 && signal.kind == "event"'],
      'signal.handler == "exec"',
    ],
    [
      'terminating, of a drain',
      '{ terminating: { causes: [drain] } }',
      [
        podChanged(
          pod({ disruptionReason: 'EvictionByEvictionAPI', deletingAtMs: START_MS + 31_500 }),
        ),
      ],
      [
        'signal.cause == "drain" && signal.reason == "EvictionByEvictionAPI"',
        'signal.graceSeconds == 30 && signal.graceLeftSeconds > 29',
      ],
      'signal.graceLeftSeconds < 30',
    ],
    [
      'terminating, deleted by hand',
      '{ terminating: { causes: [delete] } }',
      [podChanged(pod({ deletingAtMs: START_MS + 21_500 }))],
      ['signal.cause == "delete" && signal.reason == ""', 'signal.graceLeftSeconds == 20'],
      'signal.cause == "drain"',
    ],
    [
      'schedule',
      '{ schedule: { cron: "0 2 * * *" } }',
      [tick('rule')],
      ['signal.scheduled.startsWith("2026-01-01T") && signal.lateSeconds == 1'],
      'signal.lateSeconds > 60',
    ],
    [
      'request, by an annotation',
      '{ request: { from: [annotation] } }',
      [podChanged(pod(annotated('ticket-42')))],
      ['signal.from == "annotation" && signal.token.startsWith("ticket-") && signal.by == ""'],
      'signal.token == "x"',
    ],
    [
      'sequence',
      `{ sequence: { within: 1m, steps: [${backOff}, ${shell}] } }`,
      [event({ reason: 'BackOff' }), alert()],
      ['signal.first.startsWith("BackOff") && signal.tookSeconds == 0 && signal.kind == "alert"'],
      'signal.last == ""',
    ],
  ];
  const reasonsOf = (when: string, where: string, signals: Signal[]) => {
    const bench = benchOf({ rule: `when: ${when}\nwhere: '${where}'\ntarget: {}` });
    bench.at(0, podChanged(pod({ containers }), true));
    return signals.flatMap((one) => bench.at(1_500, withProbe(one)).map(({ reason }) => reason));
  };
  it.each(rows)('%s', (_, when, signals, holds, not) => {
    for (const where of holds)
      expect([where, ...reasonsOf(when, where, signals)]).toContain('fired');
    expect(reasonsOf(when, not, signals)).not.toContain('fired');
  });

  it('request, by hand: chooses the rule that says how', () => {
    const classOf = (where: string) => {
      const retain = 'retain: { class: by-root }';
      const bench = benchOf({
        rule: `when: { request: { from: [cli] } }\nwhere: '${where}'\ntarget: {}\n${retain}`,
      });
      bench.at(0, podChanged(pod(), true));
      return bench.at(1, request()).map(({ retainClass }) => retainClass);
    };
    expect(classOf('signal.from == "cli" && signal.by == "cli uid 0"')).toEqual(['by-root']);
    expect(classOf('signal.by == "cli uid 7"')).toEqual(['request']);
  });

  it('each container of a pod that changed has its own end', () => {
    const rule =
      'when: { crashLoop: { restarts: 2, within: 10m } }\ntarget: {}\nwhere: signal.exitCode == 137';
    const bench = benchOf({ rule });
    const both = (restartCount: number) =>
      podChanged(
        pod({
          containers: [
            running('app', { restartCount, lastEnd: endOf(1) }),
            running('web', { containerId: id('bb'), restartCount, lastEnd: endOf(137) }),
          ],
        }),
      );
    bench.at(0, both(0));
    expect(bench.at(1, both(1)).map(brief)).toEqual(['window-open rule shop/cart/web']);
  });

  it.each([
    ['probe', 'signal.usedRatio > 0.5', 'type, handler, failures, failureThreshold'],
    ['terminating', 'signal.grace > 5', 'cause, reason, graceSeconds, graceLeftSeconds'],
    ['schedule', 'signal.hour == 2', 'scheduled, lateSeconds'],
    ['request', 'signal.user == "x"', 'from, by, token'],
    ['sequence', 'signal.reason == "x"', 'first, last, tookSeconds'],
  ] as const)('is checked at load: %s has no %s', (kind, text, allowed) => {
    expect(compileWhere(text, kind)).toMatchObject({
      ok: false,
      mistakes: [{ allowed: `kind, ${allowed}` }],
    });
  });

  it('is checked at load: a number is no text', () => {
    const compiled = compileWhere('signal.graceLeftSeconds == "5"', 'terminating');
    expect(compiled).toMatchObject({
      ok: false,
      mistakes: [{ message: 'does not fit: no such overload: int == string' }],
    });
  });
});

/** The pods of these tests have a probe. */
function withProbe(signal: Signal): Signal {
  if (signal.kind !== 'podChanged') return signal;
  return { ...signal, pod: { ...signal.pod, containers } };
}

function endOf(exitCode: number) {
  return { reason: 'Error', exitCode, finishedAtMs: START_MS };
}
