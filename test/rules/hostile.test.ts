import { describe, expect, it } from '@jest/globals';
import { formatMistakes } from '../../src/agent/rule-set.ts';
import { parseYaml } from '../../src/base/index.ts';
import { rulesFromDocuments } from '../../src/rules/index.ts';
import { START_MS } from './support/bench.ts';

const HEAD = 'apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: a }\n';
const RULE = `${HEAD}spec: { when: { event: { reason: X } }, target: {} }\n`;

function many(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => line(n)).join('');
}

/** Texts that are made to hang or blow up whoever reads them; each must end in a plain mistake. */
const HOSTILE: readonly [name: string, text: string, message: string | RegExp][] = [
  ['maps in maps', HEAD + many(1_400, (n) => `${' '.repeat(n)}a:\n`), /nested|stack|not YAML/],
  ['brackets', `${HEAD}x: ${'['.repeat(100_000)}`, /nested more than 200/],
  ['an alias of an alias', HEAD + many(50, (n) => chain(n)), /[Aa]lias/],
  [
    'a list of aliases',
    `${HEAD}a: &a [${'x,'.repeat(999)}]\nb: [${'*a,'.repeat(999)}]\n`,
    /[Aa]lias/,
  ],
  ['an alias of itself', `${HEAD}spec: &a { target: *a }\n`, /./],
  ['a key written many times', HEAD + 'spec: {}\n'.repeat(20_000), /written twice/],
  ['a merge key written twice', `${HEAD}a: &a { x: 1 }\nb: { <<: *a, <<: *a }\n`, /written twice/],
  ['many unknown keys', `${HEAD}spec: { ${many(20_000, (n) => `k${n}: 1, `)} }\n`, /./],
  ['a long key', `${HEAD}? ${'k'.repeat(500_000)}\n: 1\n`, /not known|missing/],
  ['a long text', `${RULE}x: ${'a'.repeat(900_000)}\n`, /not known/],
  ['many documents', '---\n'.repeat(100_000), /at most 5000 are read/],
  ['many quotes', `${HEAD}x: ${'"'.repeat(20_000)}`, /not YAML/],
  ['tags', `${HEAD}x: ${'!'.repeat(50_000)}`, /not YAML/],
  ['directives', `${'%YAML 9.9\n'.repeat(1_000)}---\n${RULE}`, /not YAML/],
  ['a key __proto__', `${HEAD}spec: { __proto__: { mode: enforce } }\n`, /allowed nowhere/],
  ['labels __proto__', label('__proto__'), /allowed nowhere/],
  ['a pattern that explodes', pattern('((((a{1,100}){1,100}){1,100}){1,100})'), /./],
  ['a list beyond its bound', globs(1_001), /at most 1000/],
];

function chain(n: number): string {
  return `k${n}: &a${n} [${n > 0 ? `*a${n - 1}, *a${n - 1}` : 'x'}]\n`;
}

function label(key: string): string {
  return `${HEAD}spec: { when: { event: { reason: X } }, target: { podSelector: { matchLabels: { ${key}: x } } } }\n`;
}

function pattern(re2: string): string {
  return `${HEAD}spec: { when: { event: { reason: X, message: { re2: "${re2}" } } }, target: {} }\n`;
}

function globs(count: number): string {
  const list = many(count, (n) => `"a*${n}", `);
  return `${HEAD}spec: { when: { event: { reason: X } }, target: { namespaces: [${list}] } }\n`;
}

describe('a hostile file of rules', () => {
  it.each(HOSTILE)('with %s is refused in a few words', (_name, text, message) => {
    const loaded = rulesFromDocuments(parseYaml(text, 'f.yaml'), { nowMs: START_MS });
    if (loaded.ok) throw new Error('it was taken');
    const told = formatMistakes(loaded.mistakes, 50);
    expect(told).toMatch(message);
    expect(told.length).toBeLessThan(50_000);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).mode).toBeUndefined();
  });

  it('with thousands of mistakes tells the first of them, and how many there are', () => {
    const text = `${HEAD}spec: { bad: 1 }\n---\n`.repeat(1_000);
    const loaded = rulesFromDocuments(parseYaml(text, 'f.yaml'), { nowMs: START_MS });
    if (loaded.ok) throw new Error('it was taken');
    expect(loaded.mistakes.length).toBeGreaterThan(2_000);
    const told = formatMistakes(loaded.mistakes, 50);
    expect(told).toMatch(new RegExp(`and ${loaded.mistakes.length - 50} mistakes more$`));
  });
});
