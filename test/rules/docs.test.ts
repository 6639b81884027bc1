import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { generatedDocs } from '../../scripts/docs/generated.ts';
import { exampleOf, fieldRows } from '../../scripts/docs/schema-tables.ts';
import { documentSchema } from '../../src/agent/index.ts';
import type { JsonSchema } from '../../src/base/index.ts';
import { reasons } from '../../src/signal/index.ts';
import { repositoryRoot } from '../structure/source-tree.ts';

describe('what is made out of the schema of rules', () => {
  it('is fresh; if not: npm run docs', async () => {
    const stale = (await generatedDocs(repositoryRoot)).filter(
      ({ path, text }) => readFileSync(join(repositoryRoot, path), 'utf8') !== text,
    );
    const told = stale.map(({ path }) => `${path} is stale: run npm run docs and commit it`);
    expect(told).toEqual([]);
  });

  it('tells of every reason', () => {
    const readme = readFileSync(join(repositoryRoot, 'rules/README.md'), 'utf8');
    for (const [code, sentence] of Object.entries(reasons)) {
      expect(readme).toContain(`| \`${code}\` | ${sentence} |`);
    }
  });

  it('says of every field what it means', () => {
    const named = new Map();
    const rows = fieldRows(documentSchema('CheckpointRule'), named);
    const parts = [...named.values()].flatMap((map) => fieldRows(map, new Map()));
    const silent = [...rows, ...parts].filter(({ path, meaning, example }) => {
      return (meaning === '' || example === '') && !['apiVersion', 'kind'].includes(path);
    });
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('has an example of every field that the field takes', () => {
    const ajv = new Ajv({ strict: false });
    const wrong: string[] = [];
    let count = 0;
    const look = ({ properties = {}, ...schema }: JsonSchema, path: string) => {
      for (const [key, field] of Object.entries(properties)) {
        count++;
        if (!ajv.validate(field, exampleOf(field))) wrong.push(`${path}.${key}`);
        look(field, `${path}.${key}`);
      }
      const inside = [schema.items, ...(schema.anyOf ?? [])].filter((one) => one !== undefined);
      for (const one of inside) look(one, path);
    };
    look(documentSchema('CheckpointRule'), 'rule');
    expect(count).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });
});
