import type { ContainerFact, PodFact, Signal } from '../../../src/signal/index.ts';
import {
  alert,
  event,
  memory,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  tick,
} from './bench.ts';
import type { Situation } from './situations.ts';

const rule = (when: string, more = '') => `when: ${when}\ntarget: {}\n${more}`;
const here = (more: Partial<PodFact> = {}): [number, Signal] => [0, podChanged(pod(more), true)];

const DRAIN = rule('{ terminating: { causes: [drain], reserve: 50% } }');
const deleted = (atMs: number, more: Partial<PodFact> = {}): [number, Signal] => [
  atMs,
  podChanged(pod({ deletingAtMs: START_MS + atMs + 30_000, ...more })),
];
const drain = { disruptionReason: 'EvictionByEvictionAPI' };

const ANNOTATION = rule('{ request: { from: [annotation] } }');
const BY_HAND = rule('{ request: { from: [cli] } }');
const token = (value: string) => ({ annotations: { 'stillpoint.dev/capture': value } });

const PROBE = rule('{ probe: { type: liveness, failures: 5 } }');
const liveness = { type: 'liveness', handler: 'httpGet', failureThreshold: 3 } as const;
const probed = (more: Partial<ContainerFact> = {}) => ({
  containers: [
    running('app', { probes: [{ ...liveness, periodMs: 10_000, timeoutMs: 1_000 }], ...more }),
  ],
});
const { target, occurredMs, seenMs } = memory(0);
const counted = (failures: number, successes = 0): Signal => ({
  ...{ kind: 'probe', type: 'liveness', target, failures, successes, occurredMs, seenMs },
});

const CRON = '{ schedule: { cron: "0 2 * * *", jitter: 1m } }';
const FILLING = rule('{ memory: { above: 85%, orFullWithin: 300ms, floor: 50% } }');
const STEPS = '[{ event: { reason: BackOff } }, { crash: {} }]';
const no = 'no-signal';

/** What a rule of each kind says while it has not fired, with the values. */
export const situationsOfKinds: Record<string, Situation> = {
  'terminating: no deletion': {
    ...{ rule: DRAIN, signals: [here()], at: 20, answer: no },
    detail: 'no deletion of the pod is under way; waits for one by drain',
  },
  'terminating: a deletion by hand': {
    ...{ rule: DRAIN, signals: [here(), deleted(10)], at: 20, answer: 'no-match' },
    detail: 'the pod is being deleted, but by delete; wants drain',
  },
  'terminating: a kill by the kubelet': {
    ...{
      rule: DRAIN,
      signals: [here(), deleted(10, { disruptionReason: 'TerminationByKubelet' })],
    },
    ...{ at: 20, answer: 'no-match' },
    detail: 'the pod is being deleted, but by TerminationByKubelet; wants drain',
  },
  'terminating: a drain that leaves time': {
    ...{ rule: DRAIN, signals: [here(), deleted(10, drain)], at: 20, answer: 'fired' },
    detail: /^at 00:00:00Z: drain, 30s of 30s grace left; runs again by 00:00:15Z/,
  },
  'terminating: a drain that leaves no time': {
    ...{ rule: DRAIN, at: 20, answer: 'no-time' },
    signals: [here(), [10, podChanged(pod({ ...drain, deletingAtMs: START_MS + 5_010 }))]],
    detail: /^at 00:00:00Z: 5s of 30s grace left, 15s of it reserved for the application/,
  },
  'terminating: a drain that where does not want': {
    ...{ rule: `${DRAIN}where: signal.graceSeconds > 60`, signals: [here(), deleted(10, drain)] },
    ...{ at: 20, answer: 'where-false', detail: 'as it is now: false' },
  },
  'terminating: a drain that an agent before this one judged': {
    ...{ rule: DRAIN, at: 10_010, answer: no },
    // Its state was restored: the deletion is no news.
    signals: [
      deleted(10, { ...drain, containers: [running('app', { containerId: undefined })] }),
      deleted(20, drain),
    ],
    detail:
      'drain, 20s of 30s grace left; a deletion is judged once, when it is first seen, ' +
      'and that was not for this container since 00:00:00Z',
  },
  'request: nobody has annotated': {
    ...{ rule: ANNOTATION, signals: [here()], at: 20, answer: no },
    detail: 'requests are taken from the annotation stillpoint.dev/capture; none since 00:00:00Z',
  },
  'request: the pod came with its annotation': {
    ...{ rule: ANNOTATION, signals: [here(token('t-1'))], at: 20, answer: no },
    detail: 'stillpoint.dev/capture=t-1 is known already; only another value asks',
  },
  'request: a new annotation': {
    ...{ rule: ANNOTATION, signals: [here(), [10, podChanged(pod(token('t-1')))]] },
    ...{ at: 20, answer: 'fired', detail: /^at 00:00:00Z: asked for by annotation: t-1/ },
  },
  'request: nobody has asked by hand': {
    ...{ rule: BY_HAND, signals: [here()], at: 20, answer: no },
    detail: 'requests are taken from stillpoint capture; none since 00:00:00Z',
  },
  'request: asked by hand': {
    ...{ rule: BY_HAND, signals: [here(), [10, request()]], at: 20, answer: 'fired' },
    detail: 'at 00:00:00Z: asked for by cli uid 0, with the settings of this rule',
  },
  'request: asked by hand, of no concern to a rule that where keeps out': {
    rule: `${BY_HAND}where: signal.by == "cli uid 7"`,
    ...{ signals: [here(), [10, request()]], at: 20, answer: 'no-match' },
    detail: 'at 00:00:00Z: asked for by cli uid 0, with the settings of no rule',
  },
  'request: asked by hand, of a rule that observes': {
    rule: `mode: observe\n${BY_HAND}`,
    ...{ signals: [here(), [10, request()]], at: 20, answer: 'observed' },
    detail: 'mode: observe: what is asked for by hand is not captured as it says',
  },
  'probe: no failure': {
    ...{ rule: PROBE, signals: [here(probed())], at: 20, answer: no },
    detail: 'liveness probe: no failure since 00:00:00Z, 3 in a row needed',
  },
  'probe: as many as the kubelet waits for': {
    ...{ rule: PROBE, signals: [here(probed()), [10, counted(2)]], at: 20, answer: 'window-open' },
    detail: 'liveness probe failed 2 in a row, 3 needed',
  },
  'probe: a row that has ended, of which a decision told': {
    ...{ rule: PROBE, signals: [here(probed()), [10, counted(2)], [20, counted(0, 1)]], at: 30 },
    ...{
      answer: 'window-open',
      detail: /^at 00:00:00Z: liveness probe failed 2 in a row, 3 needed/,
    },
  },
  'schedule: with jitter': {
    ...{ rule: rule(CRON), signals: [here()], at: 20, answer: no },
    detail: 'next at 2026-01-01T02:00:00.000Z or up to 1m later',
  },
  'schedule: a time that passed the container over': {
    rule: rule(CRON, 'where: container.name == "web" && signal.lateSeconds < 60'),
    ...{ signals: [here({ containers: [running(), running('web')] }), [10, tick('it')]] },
    ...{ at: 20, answer: no },
    detail:
      /its time at 00:00:00Z passed this container over.*passed over by the rule.*where-false/,
  },
  'schedule: a time at which where held for no container': {
    rule: rule(CRON, 'where: signal.lateSeconds > 60'),
    ...{ signals: [here(), [10, tick('it')]], at: 20, answer: 'not-selected' },
    detail: /no running container is selected: where does not hold for 1/,
  },
  'schedule: suspended': {
    rule: rule('{ schedule: { cron: "0 2 * * *", suspend: true } }'),
    ...{ signals: [here()], at: 20, answer: no, detail: 'the schedule is suspended' },
  },
  'sequence: no step yet': {
    rule: rule(`{ sequence: { within: 2m, steps: ${STEPS} } }`),
    ...{ signals: [here()], at: 20, answer: no },
    detail: /^no step of 2 since 00:00:00Z; it waits for .*BackOff/,
  },
  'crashLoop: no failure': {
    rule: rule('{ crashLoop: { restarts: 2, within: 10m } }'),
    ...{ signals: [here()], at: 20, answer: no },
    detail: 'no failure counted since 00:00:00Z, 2 within 10m needed',
  },
  'crashLoop: a failure before we looked': {
    rule: rule('{ crashLoop: { restarts: 2, within: 10m } }'),
    signals: [
      here({
        containers: [
          running('app', { lastEnd: { reason: 'Error', exitCode: 3, finishedAtMs: START_MS } }),
        ],
      }),
    ],
    ...{ at: 20, answer: no },
    detail:
      'no failure counted since 00:00:00Z, 2 within 10m needed; ' +
      'its last end, Error (exit code 3) at 00:00:00Z, was not counted',
  },
  'memory: no sample': {
    ...{ rule: rule('{ memory: { above: 85% } }'), signals: [here()], at: 20, answer: no },
    detail: 'no sample of its memory has come since 00:00:00Z; it has no memory limit of its own',
  },
  'memory: neither above nor full soon': {
    rule: FILLING,
    signals: [here(), [10, memory(0.6, { fullInMs: 12_000 })]],
    ...{ at: 20, answer: 'no-match' },
    detail: '60 % at 00:00:00Z, wants >= 85 %, or full within 300ms from 50 % on: full in 12s',
  },
  'event: of another pod': {
    rule: rule('{ event: { reason: [BackOff, Killing] } }'),
    ...{ signals: [here(), [10, event({ pod: 'other', reason: 'BackOff' })]], at: 20, answer: no },
    detail: 'no Event BackOff or Killing about the pod since 00:00:00Z',
  },
  'alert: of another shape': {
    rule: rule('{ alert: { shape: alertmanager, match: [{ field: status, exists: true }] } }'),
    ...{ signals: [here(), [10, alert()]], at: 20, answer: no },
    detail: /^no alertmanager alert has come since 00:00:00Z/,
  },
};
