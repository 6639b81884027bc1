import { describe, expect, it } from '@jest/globals';
import { selectsContainer, selectsPod } from '../../src/rules/select.ts';
import { benchOf, pod, podChanged, rulesOf, running, tick } from './support/bench.ts';

function ruleWith(target: string, name = 'rule') {
  const [rule] = rulesOf({ [name]: `when: { memory: { above: 85% } }\ntarget: ${target}` });
  if (!rule) throw new Error('no rule');
  return rule;
}

function expression(key: string, operator: string, values = ''): string {
  return `{ podSelector: { matchExpressions: [{ key: ${key}, operator: ${operator}${values} }] } }`;
}

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
