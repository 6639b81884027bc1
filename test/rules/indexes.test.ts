import { describe, expect, it } from '@jest/globals';
import { createRandom, type Random, runAtOnce } from '../../src/base/index.ts';
import { createAlertIndex, rulesForAlert } from '../../src/rules/alert-index.ts';
import { isOf } from '../../src/rules/core.ts';
import { quietCounts } from '../../src/rules/index.ts';
import { reachIndexSteps, rulesReaching } from '../../src/rules/reach-index.ts';
import { selectsPod } from '../../src/rules/select.ts';
import { alert, benchOf, event, pod, podChanged, rulesOf } from './support/bench.ts';

const SEED = 20_260_101;

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[random.integer(0, from.length - 1)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

/** Targets of every form, so that each way through the index is taken. */
function randomTarget(random: Random): string {
  const parts: string[] = [];
  const label = () =>
    `${pick(random, ['app', 'tier', 'constructor'])}: ${pick(random, ['a', 'b'])}`;
  if (random.integer(0, 2) > 0) parts.push(`podSelector: { matchLabels: { ${label()} } }`);
  if (random.integer(0, 1) > 0) {
    parts.push(`namespaces: ["${pick(random, ['shop', 'pay', 'sh*', '?ay'])}"]`);
  }
  return `{ ${parts.join(', ')} }`;
}

describe('the index of targets', () => {
  it('finds exactly the rules that reach a pod, in their order', () => {
    const random = createRandom(SEED);
    for (let round = 0; round < 60; round++) {
      const specs = Array.from({ length: 25 }, (_, n) => {
        const name = random.integer(0, 3) === 0 ? `shop/rule-${n}` : `rule-${n}`;
        const target =
          name.includes('/') || random.integer(0, 5) === 0 ? '{}' : randomTarget(random);
        return [name, `when: { event: { reason: X } }\ntarget: ${target}`] as const;
      });
      const rules = rulesOf(Object.fromEntries(specs));
      const index = runAtOnce(reachIndexSteps(rules));
      const labels: Record<string, string> = {};
      for (const key of ['app', 'tier']) {
        if (random.integer(0, 1) > 0) labels[key] = pick(random, ['a', 'b', 'c']);
      }
      const fact = pod({ namespace: pick(random, ['shop', 'pay', 'other']), labels });
      const expected = rules.filter((rule) => selectsPod(rule, fact)).map(({ id }) => id);
      expect(rulesReaching(index, fact).map(({ id }) => id)).toEqual(expected);
    }
  });
});

describe('the index of alerts', () => {
  const TESTS = [
    'equals: Terminal',
    'equals: 3',
    'equals: "3"',
    'in: [Terminal, Shell]',
    'glob: "Term*"',
    'glob: "*minal"',
    'glob: "T?rminal shell in a container of the shop*"',
    'contains: ell',
    'exists: false',
    'not: { equals: Terminal }',
  ];
  const VALUES = [
    'Terminal',
    'Shell',
    '3',
    3,
    true,
    'Terminal shell in a container of the shop',
    '',
  ];

  it('leaves out only rules that do not match', () => {
    const random = createRandom(SEED);
    for (let round = 0; round < 60; round++) {
      const specs = Array.from({ length: 20 }, (_, n) => {
        const match = ['rule', 'priority']
          .filter(() => random.integer(0, 2) > 0)
          .map((field) => `{ field: ${field}, ${pick(random, TESTS)} }`);
        const tests = match.length > 0 ? match.join(', ') : '{ field: rule, exists: true }';
        return [`rule-${n}`, `when: { alert: { shape: falco, match: [${tests}] } }\ntarget: {}`];
      });
      const rules = rulesOf(Object.fromEntries(specs)).filter(isOf('alert'));
      const index = createAlertIndex(rules);
      for (let n = 0; n < 20; n++) {
        const fields: Record<string, string | number | boolean> = {};
        if (random.integer(0, 3) > 0) fields.rule = pick(random, VALUES);
        if (random.integer(0, 3) > 0) fields.priority = pick(random, VALUES);
        const expected = rules.filter(({ when }) =>
          when.match.every(({ field, matches }) => matches(fields[field])),
        );
        const found = rulesForAlert(index, alert({ fields }));
        expect(rules.filter((rule) => found.includes(rule))).toEqual(found);
        expect(expected.filter((rule) => !found.includes(rule)).map(({ id }) => id)).toEqual([]);
      }
    }
  });
});

describe('rules that an index leaves out', () => {
  it('are counted as those that were looked at', () => {
    const target = (app: string) => `target: { podSelector: { matchLabels: { app: ${app} } } }`;
    const bench = benchOf({
      cart: `when: { event: { reason: Unhealthy, atLeast: 9 } }\n${target('cart')}`,
      other: `when: { event: { reason: Unhealthy } }\n${target('other')}`,
      falco: `when: { alert: { shape: falco, match: [{ field: rule, equals: Shell }] } }\n${target('cart')}`,
    });
    bench.at(0, podChanged(pod(), true));
    for (const ms of [1, 2, 3]) bench.at(ms, event());
    bench.at(4, event({ message: 'Liveness probe errored: timeout' }));
    bench.at(5, alert());
    expect(quietCounts(bench.state)).toEqual([
      { rule: 'other', reason: 'not-selected', count: 4 },
      { rule: 'falco', reason: 'no-match', count: 1 },
      { rule: 'cart', reason: 'no-match', count: 1 },
    ]);
  });
});
