import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import type * as z from 'zod';
import { documentKinds, documentSchema, rulesFileSchema } from '../../src/agent/index.ts';
import { type JsonSchema, parseYaml } from '../../src/base/index.ts';
import { policySchema } from '../../src/retention/index.ts';
import { ruleSchema } from '../../src/rules/index.ts';
import { listFiles, readText } from '../structure/source-tree.ts';

const ajv = new Ajv({ strict: false, validateFormats: false });
/** Judges by the JSON Schema alone, as an editor does. */
const isTaken = ajv.compile(rulesFileSchema());

const golden = listFiles('test/rules/golden', '.yaml');
const shipped = listFiles('rules', '.yaml');

/** What only code can judge is a custom issue; that exactly one key must stand there is not. */
function isOfStructure(issue: z.core.$ZodIssue): boolean {
  if (issue.code !== 'custom') return true;
  return issue.params?.at === 'key' && String(issue.params.allowed).startsWith('exactly one of');
}

function documentsIn(path: string) {
  return parseYaml(readText(path), path).documents.map(({ kind, value }) => ({
    value,
    issues:
      (kind === 'RetentionPolicy' ? policySchema : ruleSchema).safeParse(value).error?.issues ?? [],
  }));
}

describe('the JSON Schema of rules', () => {
  it.each(documentKinds)('of %s is itself a right schema', (kind) => {
    expect(ajv.validateSchema(documentSchema(kind))).toBe(true);
  });

  it.each(shipped)('takes %s', (path) => {
    const documents = documentsIn(path);
    expect(documents.length).toBeGreaterThan(0);
    for (const { value } of documents) expect(isTaken(value) || isTaken.errors).toBe(true);
  });

  it('refuses each mistake of structure that the loader refuses', () => {
    const found = golden.flatMap((path) =>
      documentsIn(path).flatMap(({ value, issues }) =>
        issues.some(isOfStructure) ? [{ path, refused: !isTaken(value) }] : [],
      ),
    );
    expect(found.length).toBeGreaterThan(15);
    expect(found.filter(({ refused }) => !refused)).toEqual([]);
  });

  it('never refuses what the loader takes', () => {
    const found = golden.flatMap((path) =>
      documentsIn(path).flatMap(({ value, issues }) =>
        issues.length === 0 ? [{ path, taken: isTaken(value) }] : [],
      ),
    );
    expect(found.length).toBeGreaterThan(5);
    expect(found.filter(({ taken }) => !taken)).toEqual([]);
  });

  it.each([
    'duration-without-unit',
    'percentage-without-sign',
    'name-not-allowed',
    'label-not-allowed',
    'selector-values-missing',
    'selector-label-not-allowed',
    'glob-never-matches',
    'cron-is-no-cron',
  ])('sees by its pattern what is wrong with %s', (name) => {
    const documents = documentsIn(`test/rules/golden/${name}.yaml`);
    expect(documents.map(({ value }) => isTaken(value))).toEqual(documents.map(() => false));
  });

  it('gives defaults and examples in the form in which they are written', () => {
    let count = 0;
    const wrong: string[] = [];
    forEachField(rulesFileSchema(), (field, path) => {
      const { default: byDefault, examples = [], ...schema } = field;
      const values = [...(byDefault === undefined ? [] : [byDefault]), ...(examples as unknown[])];
      for (const value of values) {
        count++;
        if (!ajv.validate(schema, value)) wrong.push(`${path}: ${JSON.stringify(value)}`);
      }
    });
    expect(count).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });
});

function forEachField(
  schema: JsonSchema,
  visit: (field: JsonSchema, path: string) => void,
  path = '',
): void {
  const inside: (readonly [string, JsonSchema])[] = [
    ...Object.entries({ ...schema.properties, ...(schema.definitions as object) }),
    ...(schema.items ? [['[]', schema.items] as const] : []),
    ...(schema.anyOf ?? []).map((option, index) => [`|${index}`, option] as const),
  ];
  for (const [name, field] of inside) {
    visit(field, `${path}.${name}`);
    forEachField(field, visit, `${path}.${name}`);
  }
}
