import type { Answer } from '../../../src/rules/index.ts';
import type { ContainerFact, PodFact, Signal } from '../../../src/signal/index.ts';
import {
  alert,
  event,
  memory,
  pod,
  podChanged,
  running,
  START_MS,
  tick,
  waiting,
} from './bench.ts';

/** What one rule answers about shop/cart/app after these signals, `at` ms after the start. */
export interface Situation {
  rule: string;
  mode?: 'observe';
  noSource?: string;
  signals: [ms: number, signal: Signal][];
  at: number;
  answer: Answer;
  detail: string | RegExp;
}

const OOM = 'when: { memory: { above: 85%, for: 2s } }\ntarget: {}';
const LIVE = 'when: { event: { reason: Unhealthy, atLeast: 3, within: 1m } }\ntarget: {}';
const LOOP =
  'when: { crashLoop: { restarts: 2, within: 10m, capture: { after: 5s } } }\ntarget: {}';
const FALCO =
  'when: { alert: { shape: falco, match: [{ field: priority, equals: Critical }] } }\ntarget: {}';

const PROBE = 'when: { probe: { type: liveness, failures: 2 } }\ntarget: {}';
const probed = running('app', {
  probes: [
    {
      type: 'liveness',
      handler: 'httpGet',
      periodMs: 10_000,
      timeoutMs: 1_000,
      failureThreshold: 9,
    },
  ],
});

function probeFailed(failures: number): Signal {
  const { target, occurredMs, seenMs } = memory(0);
  return { kind: 'probe', target, type: 'liveness', failures, successes: 0, occurredMs, seenMs };
}

const here = (more: Partial<PodFact> = {}): [number, Signal] => [0, podChanged(pod(more), true)];

function failed(restartCount: number, ms: number, more: Partial<ContainerFact> = {}): Signal {
  const lastEnd = { reason: 'Error', exitCode: 1, finishedAtMs: START_MS + ms };
  const state = { kind: 'running', startedAtMs: START_MS + ms } as const;
  return podChanged(
    pod({ containers: [running('app', { restartCount, lastEnd, state, ...more })] }),
  );
}

export const situations: Record<string, Situation> = {
  'a rule that is switched off': {
    rule: `enabled: false\n${OOM}`,
    signals: [here(), [10, memory(0.9)]],
    at: 20,
    answer: 'disabled',
    detail: '',
  },
  'another namespace': {
    rule: `${OOM.replace('target: {}', 'target: { namespaces: [pay-*, bank] }')}`,
    signals: [here()],
    at: 20,
    answer: 'not-selected',
    detail: 'target.namespaces: shop, wants pay-*, bank',
  },
  'an expression that is false for the pod': {
    rule: `${OOM}\nwhere: 'pod.namespace == "pay"'`,
    signals: [here()],
    at: 20,
    answer: 'where-false',
    detail: 'false',
  },
  'an expression that asks for a label that is missing': {
    rule: `${OOM}\nwhere: 'pod.labels["team"] == "pay"'`,
    signals: [here()],
    at: 20,
    answer: 'where-false',
    detail: 'No such key: team',
  },
  'an expression that looks at a signal that has not come': {
    rule: `${OOM}\nwhere: 'signal.usedRatio > 0.99'`,
    signals: [here()],
    at: 20,
    answer: 'no-signal',
    detail: /./,
  },
  'a label that is missing': {
    rule: OOM.replace('{}', '{ podSelector: { matchLabels: { stillpoint.dev/enabled: "true" } } }'),
    signals: [here()],
    at: 20,
    answer: 'not-selected',
    detail:
      'target.podSelector: no label stillpoint.dev/enabled, wants stillpoint.dev/enabled=true',
  },
  'a label that is otherwise': {
    rule: OOM.replace(
      '{}',
      '{ podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [cart] }] } }',
    ),
    signals: [here()],
    at: 20,
    answer: 'not-selected',
    detail: 'target.podSelector: app=cart, wants app NotIn cart',
  },
  'another owner': {
    rule: OOM.replace('{}', '{ owner: { kind: Deployment, name: "pay-*" } }'),
    signals: [
      here({
        owner: { kind: 'ReplicaSet', name: 'cart-1' },
        topOwner: { kind: 'Deployment', name: 'cart' },
      }),
    ],
    at: 20,
    answer: 'not-selected',
    detail: 'target.owner: Deployment/cart of ReplicaSet/cart-1, wants Deployment/pay-*',
  },
  'another container': {
    rule: OOM.replace('{}', '{ containers: ["web-*"] }'),
    signals: [here()],
    at: 20,
    answer: 'not-selected',
    detail: 'target.containers: app, wants web-*',
  },
  'the deny list': {
    rule: OOM,
    signals: [here({ isStatic: true })],
    at: 20,
    answer: 'denied',
    detail: 'static pod',
  },
  'a source that is not here': {
    rule: OOM,
    noSource: 'no cgroups are mounted',
    signals: [here()],
    at: 20,
    answer: 'no-source',
    detail: 'no cgroups are mounted',
  },
  'a container that does not run': {
    rule: OOM,
    signals: [here({ containers: [waiting()] })],
    at: 20,
    answer: 'not-running',
    detail: 'waiting: CrashLoopBackOff',
  },
  'an expression that is false for the last sample': {
    rule: `${OOM}\nwhere: signal.usedRatio > 0.95`,
    signals: [here(), [10, memory(0.9)]],
    at: 20,
    answer: 'where-false',
    detail: 'of the last signal, at 00:00:00Z: false',
  },
  'an expression that is false for the last Event': {
    rule: `${LIVE}\nwhere: signal.message.contains("timeout")`,
    signals: [here(), [10, event()]],
    at: 20,
    answer: 'where-false',
    detail: 'of the last signal, at 00:00:00Z: false',
  },
  'a probe that the container does not have': {
    rule: PROBE,
    signals: [here()],
    at: 20,
    answer: 'no-signal',
    detail: 'the container has no liveness probe',
  },
  'one failure of a probe, two needed': {
    rule: PROBE,
    signals: [here({ containers: [probed] }), [10, probeFailed(1)]],
    at: 20,
    answer: 'window-open',
    detail: 'liveness probe failed 1 in a row, 2 needed',
  },
  'a probe that goes on failing after the rule fired': {
    rule: PROBE,
    signals: [here({ containers: [probed] }), [10, probeFailed(2)], [20, probeFailed(1)]],
    at: 30,
    answer: 'not-rearmed',
    detail: '3 in a row; fires again after a success',
  },
  'a sequence of which one step has come': {
    rule: 'when: { sequence: { within: 2m, steps: [{ event: { reason: Unhealthy } }, { crash: {} }] } }\ntarget: {}',
    signals: [here(), [10_000, event()]],
    at: 40_000,
    answer: 'window-open',
    detail: /^1 of 2 steps; for 1m30s more it waits for /,
  },
  'no signal yet': {
    rule: LIVE,
    signals: [here()],
    at: 20,
    answer: 'no-signal',
    detail: 'no Event Unhealthy about the pod since 00:00:00Z',
  },
  'memory below': {
    rule: OOM,
    signals: [here(), [10, memory(0.6)]],
    at: 20,
    answer: 'no-match',
    detail: '60 % at 00:00:00Z, wants >= 85 %',
  },
  'memory above, not for long enough': {
    rule: OOM,
    signals: [here(), [10, memory(0.9)]],
    at: 510,
    answer: 'window-open',
    detail: 'above for 500ms of 2s',
  },
  'memory that fired in this life': {
    rule: OOM,
    signals: [here(), [0, memory(0.9)], [2_000, memory(0.9)]],
    at: 3_000,
    answer: 'once-a-life',
    detail: 'fired at 00:00:02Z in this life; fires again in its next life',
  },
  'one Event of three': {
    rule: LIVE,
    signals: [here(), [10, event()]],
    at: 20,
    answer: 'window-open',
    detail: '1 of 3 within 1m',
  },
  'an Event that has left the window': {
    rule: LIVE,
    signals: [here(), [10, event()]],
    at: 120_000,
    answer: 'window-open',
    detail:
      'at 00:00:00Z: 1 of 3 within 1m [Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500]',
  },
  'an Event with another text': {
    rule: LIVE.replace('reason: Unhealthy', 'reason: Unhealthy, message: { contains: Startup }'),
    signals: [here(), [10, event()]],
    at: 20,
    answer: 'no-match',
    detail: /^1 of this reason, the last at .*Liveness probe failed/,
  },
  'what has just fired': {
    rule: LIVE,
    signals: [here(), [10, event({ countDelta: 3 })]],
    at: 20,
    answer: 'fired',
    detail: /^at 00:00:00Z: 3 of 3 within 1m .*until 00:10:00Z$/,
  },
  'a cooldown that held back the last signal': {
    rule: LIVE,
    signals: [here(), [10, event({ countDelta: 3 })], [500, event()]],
    at: 900,
    answer: 'cooldown',
    detail: 'until 00:10:00Z',
  },
  'a budget that is used up': {
    rule: `${LIVE}\nlimits: { cooldown: 0s, budget: { count: 1, within: 1h, per: pod } }`,
    signals: [here(), [10, event({ countDelta: 3 })], [500, event()]],
    at: 900,
    answer: 'budget',
    detail: /^1 of 1 within 1h for pod shop\/cart.*until 01:00:00Z$/,
  },
  'a rule that only observes': {
    rule: `mode: observe\n${LIVE}`,
    signals: [here(), [10, event({ countDelta: 3 })]],
    at: 20,
    answer: 'observed',
    detail: /^at 00:00:00Z: 3 of 3/,
  },
  'an agent that only observes': {
    rule: LIVE,
    mode: 'observe',
    signals: [here(), [10, event({ countDelta: 3 })]],
    at: 20,
    answer: 'observed',
    detail: /^at 00:00:00Z: 3 of 3/,
  },
  'one failure of two': {
    rule: LOOP,
    signals: [here(), [1_000, failed(1, 1_000)]],
    at: 2_000,
    answer: 'window-open',
    detail: '1 of 2 failures within 10m',
  },
  'a loop that waits in back-off': {
    rule: LOOP,
    signals: [
      here(),
      [1_000, failed(1, 1_000)],
      [
        2_000,
        failed(2, 2_000, { state: { kind: 'waiting', reason: 'CrashLoopBackOff', message: '' } }),
      ],
    ],
    at: 3_000,
    answer: 'armed',
    detail: 'captures its next life, 5s after its start',
  },
  'a loop whose life is not old enough': {
    rule: LOOP,
    signals: [here(), [1_000, failed(1, 1_000)], [2_000, failed(2, 2_000)]],
    at: 3_000,
    answer: 'armed',
    detail: 'captures at 00:00:07Z',
  },
  'an alert of less weight': {
    rule: FALCO,
    signals: [here(), [10, alert({ fields: { 'stillpoint.title': 'Shell', priority: 'Notice' } })]],
    at: 20,
    answer: 'no-match',
    detail: '1 falco alert, the last at 00:00:00Z: Shell',
  },
  'an alert about a container that is not here': {
    rule: FALCO,
    signals: [here(), [10, alert({ hints: { containerIdPrefix: 'bbbbbbbbbbbb' } })]],
    at: 20,
    answer: 'target-unknown',
    detail: /^at 00:00:00Z: no container id begins with bbbbbbbbbbbb/,
  },
  'a schedule before its time': {
    rule: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: {}',
    signals: [here()],
    at: 20,
    answer: 'no-signal',
    detail: 'next at 2026-01-01T02:00:00.000Z',
  },
  'a schedule that fired': {
    rule: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: {}\nlimits: { cooldown: 0s }',
    signals: [here(), [10, tick('it')]],
    at: 20,
    answer: 'fired',
    detail: /^at 00:00:00Z: schedule 0 2 \* \* \*/,
  },
};
