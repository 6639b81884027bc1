import { describe, expect, it } from '@jest/globals';
import { podMiss, selectsContainer, selectsPod } from '../../src/rules/select.ts';
import type { PodFact } from '../../src/signal/index.ts';
import { benchOf, pod, podChanged, rulesOf, running, tick } from './support/bench.ts';

function ruleWith(target: string, name = 'rule') {
  const [rule] = rulesOf({ [name]: `when: { memory: { above: 85% } }\ntarget: ${target}` });
  if (!rule) throw new Error('no rule');
  return rule;
}

function expression(key: string, operator: string, values = ''): string {
  return `{ podSelector: { matchExpressions: [{ key: ${key}, operator: ${operator}${values} }] } }`;
}

const rollout = {
  owner: { kind: 'ReplicaSet', name: 'checkout-api-7d9f' },
  topOwner: { kind: 'Deployment', name: 'checkout-api' },
};
const nightly = {
  owner: { kind: 'Job', name: 'nightly-29' },
  topOwner: { kind: 'CronJob', name: 'nightly' },
};

describe('a selector', () => {
  const shop = pod({ labels: { app: 'cart', tier: 'web' } });
  const rows: [target: string, selected: boolean][] = [
    ['{}', true],
    ['{ namespaces: [shop] }', true],
    ['{ namespaces: ["s*p"] }', true],
    ['{ namespaces: [pay, "*"] }', true],
    ['{ namespaces: [sho] }', false],
    ['{ podSelector: { matchLabels: { app: cart, tier: web } } }', true],
    ['{ podSelector: { matchLabels: { app: cart, tier: db } } }', false],
    ['{ podSelector: { matchLabels: { toString: x } } }', false],
    [expression('app', 'In', ', values: [a, cart]'), true],
    [expression('app', 'In', ', values: [a]'), false],
    [expression('x', 'In', ', values: [a]'), false],
    [expression('app', 'NotIn', ', values: [cart]'), false],
    [expression('x', 'NotIn', ', values: [cart]'), true],
    [expression('app', 'Exists'), true],
    [expression('constructor', 'Exists'), false],
    [expression('x', 'DoesNotExist'), true],
    [expression('app', 'DoesNotExist'), false],
  ];
  it.each(rows)('%s: %s', (target, selected) => {
    expect(selectsPod(ruleWith(target), shop)).toBe(selected);
  });

  it('of a rule in a namespace reaches no other', () => {
    expect(selectsPod(ruleWith('{}', 'shop/rule'), shop)).toBe(true);
    expect(selectsPod(ruleWith('{}', 'pay/rule'), shop)).toBe(false);
  });

  it('takes app containers and sidecars unless names are given', () => {
    const names = ['app', 'sidecar', 'init', 'ephemeral'] as const;
    const selected = (target: string) =>
      names.filter((type) => selectsContainer(ruleWith(target).target, running(type, { type })));
    expect(selected('{}')).toEqual(['app', 'sidecar']);
    expect(selected('{ containers: ["init", "e*"] }')).toEqual(['init', 'ephemeral']);
    expect(selected('{ containerTypes: [init, app] }')).toEqual(['app', 'init']);
    expect(selected('{ containers: ["*i*"], containerTypes: [init] }')).toEqual(['init']);
    expect(selected('{ exclude: { containers: ["side*"] } }')).toEqual(['app']);
  });

  it.each<[situation: string, owners: Partial<PodFact>, target: string, selected: boolean]>([
    [
      'the Deployment behind a ReplicaSet',
      rollout,
      '{ kind: Deployment, name: "checkout-*" }',
      true,
    ],
    ['a Deployment of another name', rollout, '{ kind: Deployment, name: "cart*" }', false],
    ['any Deployment', rollout, '{ kind: Deployment }', true],
    ['the ReplicaSet itself', rollout, '{ kind: ReplicaSet, name: "checkout-api-7d*" }', true],
    ['a StatefulSet of that name', rollout, '{ kind: StatefulSet, name: "checkout-*" }', false],
    ['the CronJob behind a Job', nightly, '{ kind: CronJob, name: nightly }', true],
    ['a Job of a CronJob', nightly, '{ kind: Job }', true],
    ['a bare pod', { topOwner: { kind: 'Pod', name: 'cart' } }, '{ kind: Pod, name: "c*" }', true],
    ['no bare pod', rollout, '{ kind: Pod }', false],
    ['an owner that is not known yet', { owner: nightly.owner }, '{ kind: CronJob }', false],
    ['nothing known at all', {}, '{ kind: Deployment }', false],
  ])('by owner: %s', (_, owners, owner, selected) => {
    expect(selectsPod(ruleWith(`{ owner: ${owner} }`), pod(owners))).toBe(selected);
  });

  it.each<[situation: string, fact: Partial<PodFact>, exclude: string, miss: string | undefined]>([
    ['by namespace', {}, '{ namespaces: ["sh*"] }', 'target.exclude.namespaces'],
    ['not by another namespace', {}, '{ namespaces: ["pay*"] }', undefined],
    [
      'by label',
      {},
      '{ podSelector: { matchLabels: { app: cart } } }',
      'target.exclude.podSelector',
    ],
    ['not by another label', {}, '{ podSelector: { matchLabels: { app: x } } }', undefined],
    ['by owner', rollout, '{ owner: { kind: Deployment } }', 'target.exclude.owner'],
    ['not by another owner', rollout, '{ owner: { kind: CronJob } }', undefined],
    [
      'in doubt about the owner',
      { owner: nightly.owner },
      '{ owner: { kind: CronJob } }',
      'target.exclude.owner',
    ],
    [
      'not by a part that does not fit beside none that does',
      rollout,
      '{ namespaces: [pay], owner: { kind: Job } }',
      undefined,
    ],
    [
      'by one part of two',
      rollout,
      '{ namespaces: [pay], owner: { kind: Deployment } }',
      'target.exclude.owner',
    ],
  ])('excludes %s', (_, fact, exclude, miss) => {
    expect(podMiss(ruleWith(`{ exclude: ${exclude} }`), pod(fact))).toBe(miss);
  });

  it('reaches the pods of an owner once it is known', () => {
    const bench = benchOf({
      rule: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: { owner: { kind: CronJob } }\nlimits: { cooldown: 0s }',
    });
    bench.at(0, podChanged(pod({ owner: nightly.owner }), true));
    expect(bench.at(1, tick('rule'))).toMatchObject([{ reason: 'not-selected' }]);
    bench.at(2, podChanged(pod(nightly)));
    expect(bench.at(3, tick('rule'))).toMatchObject([{ reason: 'fired' }]);
  });

  it('follows a pod whose labels change', () => {
    const bench = benchOf({
      rule: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: { podSelector: { matchLabels: { on: "yes" } } }\nlimits: { cooldown: 0s }',
    });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(1, tick('rule'))).toMatchObject([{ reason: 'not-selected' }]);
    bench.at(2, podChanged(pod({ labels: { on: 'yes' } })));
    expect(bench.at(3, tick('rule'))).toMatchObject([{ reason: 'fired' }]);
  });
});
