import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  byteCount,
  cronLine,
  dnsLabel,
  durationMs,
  metadataFields,
  nearest,
  parseYaml,
  percentRatio,
  timeZoneName,
  validateDocument,
} from '../../src/base/index.ts';

function check(spec: string, schema: z.ZodType) {
  const text = `apiVersion: stillpoint.dev/v1alpha1\nkind: Thing\nspec: ${spec}\n`;
  const [document] = parseYaml(text, 'f').documents;
  if (!document) throw new Error('no document');
  const whole = z.strictObject({ apiVersion: z.string(), kind: z.string(), spec: schema });
  const result = validateDocument(document, whole);
  if (result.ok) return result.value.spec;
  return result.mistakes.map(({ path, message, allowed, suggestion }) =>
    [path, message, allowed, suggestion].filter((part) => part !== undefined).join(' | '),
  );
}

describe('a document against its schema', () => {
  it('gives the values with defaults', () => {
    const schema = z.strictObject({ a: durationMs().default(5), b: z.string() });
    expect(check('{ b: x }', schema)).toEqual({ a: 5, b: 'x' });
  });

  it('points into the branch of a union that was meant', () => {
    const schema = z.union([z.string(), z.array(z.strictObject({ key: z.string() }))]);
    expect(check('[{ kye: a }]', schema)).toEqual([
      'spec[0].key | is missing; it must be text',
      'spec[0].kye | this key is not known | key | key',
    ]);
  });

  it('names the forms of a discriminated union', () => {
    const schema = z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('file'), path: z.string() }),
      z.strictObject({ type: z.literal('none') }),
    ]);
    expect(check('{ type: flie }', schema)).toEqual([
      'spec.type | is not one of the allowed values | file, none | file',
    ]);
    expect(check('{ type: file, pth: x }', schema)).toEqual([
      'spec.path | is missing; it must be text',
      'spec.pth | this key is not known | type, path | path',
    ]);
  });

  it('knows the keys below lists, maps and defaults', () => {
    const schema = z.record(z.string(), z.array(z.strictObject({ name: z.string().optional() })));
    expect(check('{ any: [{ nmae: x }] }', schema.default({}))).toEqual([
      'spec.any[0].nmae | this key is not known | name | name',
    ]);
  });

  it('words bounds', () => {
    const schema = z.strictObject({
      list: z.array(z.string()).min(1),
      text: z.string().max(3),
      count: z.int().max(5),
    });
    expect(check('{ list: [], text: abcd, count: 6 }', schema)).toEqual([
      'spec.list | must have at least 1 entry',
      'spec.text | must have at most 3 characters',
      'spec.count | must be at most 5',
    ]);
  });
});

describe('the shared fields', () => {
  const rows: [name: string, schema: z.ZodType, good: string, value: unknown, bad: string][] = [
    ['duration', durationMs({ max: 1_000 }), '1s', 1_000, '2s'],
    ['duration without unit', durationMs(), '5m', 300_000, '"10"'],
    ['size', byteCount({ min: 1_024 }), '50Gi', 53_687_091_200, '10'],
    ['percentage', percentRatio({ min: 0.1 }), '85%', 0.85, '5%'],
    ['name', dnsLabel(), 'a-1', 'a-1', 'a.b'],
    ['long name', dnsLabel(), 'a'.repeat(63), 'a'.repeat(63), 'a'.repeat(64)],
    ['cron line', cronLine(), '"@daily"', '@daily', '"* * *"'],
    ['cron date that never comes', cronLine(), '"0 0 29 2 *"', '0 0 29 2 *', '"0 0 30 2 *"'],
    ['time zone', timeZoneName(), 'Europe/Berlin', 'Europe/Berlin', 'Europe/Nowhere'],
  ];
  it.each(rows)('%s', (_name, schema, good, value, bad) => {
    expect(check(good, schema)).toEqual(value);
    expect(check(bad, schema)).toEqual([expect.stringContaining('spec | ')]);
  });

  it('metadata', () => {
    const good = '{ name: a, namespace: b, labels: { x: y } }';
    expect(check(good, metadataFields())).toEqual({
      name: 'a',
      namespace: 'b',
      labels: { x: 'y' },
    });
    expect(check('{ nmae: a }', metadataFields())).toEqual([
      'spec.name | is missing; it must be text',
      'spec.nmae | this key is not known | name, namespace, labels, annotations | name',
    ]);
  });
});

describe('the nearest right key', () => {
  const keys = ['above', 'for', 'reason', 'cooldown'];
  const rows: [text: string, expected: string | undefined][] = [
    ['abov', 'above'],
    ['Above', 'above'],
    ['fro', 'for'],
    ['reasons', 'reason'],
    ['coolDwon', 'cooldown'],
    ['orFullWithin', undefined],
    ['x'.repeat(1_000), undefined],
  ];
  it.each(rows)('of %s is %s', (text, expected) => {
    expect(nearest(text, keys)).toBe(expected);
  });
});
