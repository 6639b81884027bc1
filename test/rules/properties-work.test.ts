import { expect, it } from '@jest/globals';
import type { AlertSignal, AlertValue } from '../../src/signal/index.ts';
import { alert, benchOf, pod, podChanged } from './support/bench.ts';

/** Fields that count how often the core looks at one. */
function counted(fields: Record<string, AlertValue>) {
  const looks = { count: 0, lists: 0 };
  const proxy = new Proxy(fields, {
    get(target, key, receiver) {
      looks.count++;
      return Reflect.get(target, key, receiver);
    },
    getOwnPropertyDescriptor(target, key) {
      looks.count++;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    ownKeys(target) {
      looks.lists++;
      return Reflect.ownKeys(target);
    },
  });
  return { looks, fields: proxy as AlertSignal['fields'] };
}

function alertRules(count: number): Record<string, string> {
  const rule = (n: number) =>
    `when: { alert: { shape: falco, match: [{ field: rule, equals: "rule ${n}" }] } }\ntarget: {}`;
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`rule-${n}`, rule(n)]));
}

const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field-${n}`, n]));

it('an alert of 10,000 fields that no rule wants is looked at a few times, not field by field', () => {
  const looksOf = (rules: number) => {
    const bench = benchOf(alertRules(rules));
    bench.at(0, podChanged(pod(), true));
    const { looks, fields } = counted({ ...many, rule: 'another' });
    expect(bench.at(1, alert({ fields }))).toEqual([]);
    return looks;
  };
  expect(looksOf(10)).toEqual({ count: 2, lists: 0 });
  // As often with a hundred rules: the index asks for the field once for all of them.
  expect(looksOf(100)).toEqual({ count: 2, lists: 0 });
});

it('an alert of 10,000 fields that rules want is kept in part, once for all of them', () => {
  const spec =
    'when: { alert: { shape: falco, match: [{ field: rule, exists: true }] } }\ntarget: {}';
  const bench = benchOf({ a: spec, b: spec, c: spec });
  bench.at(0, podChanged(pod(), true));
  const { looks, fields } = counted({ ...many, rule: 'shell' });
  const decisions = bench.at(1, alert({ fields }));
  expect(decisions.map(({ reason }) => reason)).toEqual(['fired', 'fired', 'fired']);
  expect(JSON.stringify(decisions[0]?.signal).length).toBeLessThan(70_000);
  expect(looks.count).toBeLessThan(40_000);
});
