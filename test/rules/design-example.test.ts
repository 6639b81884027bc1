import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseYaml } from '../../src/base/index.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  noteRefused,
  prepareWhere,
  rulesFromDocuments,
  step,
} from '../../src/rules/index.ts';
import type { PodFact, Signal } from '../../src/signal/index.ts';
import { id, memory, pod, podChanged, running, START_MS } from './support/bench.ts';

beforeAll(prepareWhere);

/** Every part of a rule at once, each with a say in what happens. */
const RULE = `apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: oom-nearing }
spec:
  description: Keep the memory of a container that is about to be OOM-killed
  mode: enforce
  priority: 10
  when:
    memory: { above: 85%, for: 0s, orFullWithin: 300ms, floor: 50%, again: newLife }
  target:
    namespaces: ["shop", "pay-*"]
    podSelector: { matchLabels: { stillpoint.dev/enabled: "true" } }
    owner: { kind: Deployment, name: "checkout-*" }
    containers: ["app"]
    exclude: { podSelector: { matchLabels: { tier: cache } } }
  where: 'pod.annotations["stillpoint.dev/team"] == "payments"'
  capture:
    via: auto
    timeout: 10m
    freeze: { max: 5s }
  limits:
    cooldown: 10m
    budget: { count: 3, within: 1h, per: owner }
  retain: { class: crash }
`;

/** The n-th pod of the Deployment that the rule means. */
function checkout(n: number, more: Partial<PodFact> = {}): PodFact {
  return pod({
    namespace: 'pay-eu',
    name: `checkout-api-${n}`,
    uid: `uid-${n}`,
    labels: { 'stillpoint.dev/enabled': 'true' },
    annotations: { 'stillpoint.dev/team': 'payments' },
    owner: { kind: 'ReplicaSet', name: 'checkout-api-7d9f' },
    topOwner: { kind: 'Deployment', name: 'checkout-api' },
    containers: ['app', 'proxy'].map((name) =>
      running(name, { containerId: id(`${name === 'app' ? 'a' : 'b'}${n}`) }),
    ),
    ...more,
  });
}

function sampleOf({ namespace, name, uid }: PodFact, ratio: number, container = 'app'): Signal {
  const [, n = ''] = /-(\d+)$/.exec(name) ?? [];
  const containerId = id(`${container === 'app' ? 'a' : 'b'}${n}`);
  return memory(ratio, { target: { namespace, pod: name, podUid: uid, container, containerId } });
}

function start() {
  const loaded = rulesFromDocuments(parseYaml(RULE, 'design.yaml'), { nowMs: START_MS });
  if (!loaded.ok) throw new Error(loaded.mistakes.map(({ message }) => message).join('; '));
  expect(loaded.warnings).toEqual([]);
  const core = createRulesCore(loaded.rules, { nodeName: 'n', denyList: createDenyList({}) });
  const state = createRulesState();
  const at = (minutes: number, signal: Signal) =>
    step(core, state, signal, START_MS + minutes * 60_000).decisions;
  return { core, state, at };
}

describe('a rule with all its parts', () => {
  it('fires for what it means, with all that the capture needs to know', () => {
    const { at } = start();
    const one = checkout(1);
    at(0, podChanged(one, true));
    expect(at(1, sampleOf(one, 0.84))).toEqual([]);
    const [fired, ...rest] = at(1, sampleOf(one, 0.86));
    expect(rest).toEqual([]);
    expect(fired).toMatchObject({
      verdict: 'fire',
      rule: 'oom-nearing',
      priority: 10,
      retainClass: 'crash',
      capture: { via: 'auto', timeoutMs: 600_000, freezeMsMax: 5_000 },
      owner: { kind: 'Deployment', name: 'checkout-api' },
      target: { namespace: 'pay-eu', pod: 'checkout-api-1', container: 'app' },
    });
    expect(fired?.trail.map(({ part }) => part)).toEqual(
      expect.arrayContaining(['target', 'where', 'limits.cooldown', 'limits.budget', 'mode']),
    );
  });

  it('fires before the limit is reached where memory grows that fast', () => {
    const { at } = start();
    const one = checkout(1);
    at(0, podChanged(one, true));
    const slow = { ...sampleOf(one, 0.6), fullInMs: 400 } as Signal;
    const fast = { ...sampleOf(one, 0.6), fullInMs: 250 } as Signal;
    expect(at(1, slow)).toEqual([]);
    expect(at(1, fast)).toMatchObject([{ reason: 'fired' }]);
  });

  it.each<[situation: string, more: Partial<PodFact>, container: string]>([
    ['another namespace', { namespace: 'web' }, 'app'],
    ['no opt-in', { labels: {} }, 'app'],
    ['another owner', { topOwner: { kind: 'Deployment', name: 'cart' } }, 'app'],
    [
      'another kind of owner',
      {
        owner: { kind: 'StatefulSet', name: 'checkout-db' },
        topOwner: { kind: 'StatefulSet', name: 'checkout-db' },
      },
      'app',
    ],
    ['an owner that is not known yet', { topOwner: undefined }, 'app'],
    ['what is excluded', { labels: { 'stillpoint.dev/enabled': 'true', tier: 'cache' } }, 'app'],
    ['another team', { annotations: { 'stillpoint.dev/team': 'shipping' } }, 'app'],
    ['no team', { annotations: {} }, 'app'],
    ['another container', {}, 'proxy'],
  ])('leaves alone: %s', (_, more, container) => {
    const { at } = start();
    const one = checkout(1, more);
    at(0, podChanged(one, true));
    expect(at(1, sampleOf(one, 0.95, container))).toEqual([]);
  });

  it('keeps to its cooldown, and over all pods of its owner to its budget', () => {
    const { core, state, at } = start();
    const pods = [1, 2, 3, 4, 5].map((n) => checkout(n));
    for (const one of pods) at(0, podChanged(one, true));
    const reasons = pods.map((one, index) => at(index + 1, sampleOf(one, 0.9))[0]?.reason);
    expect(reasons).toEqual(['fired', 'fired', 'fired', 'budget', 'budget']);
    const [first] = pods;
    if (!first) throw new Error('no pod');
    const nextLife = checkout(1, {
      containers: [running('app', { containerId: id('a1'), restartCount: 1 })],
    });
    at(6, podChanged(nextLife));
    const target = {
      namespace: 'pay-eu',
      pod: 'checkout-api-2',
      podUid: 'uid-2',
      container: 'app',
      containerId: id('a2'),
    };
    noteRefused(
      core,
      state,
      { rule: 'oom-nearing', target, reason: 'disk-low' },
      START_MS + 7 * 60_000,
    );
    const fourth = pods[3];
    if (!fourth) throw new Error('no pod');
    expect(at(8, sampleOf(fourth, 0.97))).toMatchObject([{ reason: 'fired' }]);
  });
});
