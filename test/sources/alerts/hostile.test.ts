import { describe, expect, it } from '@jest/globals';
import { type AlertShape, alertFields } from '../../../src/signal/index.ts';
import { flattenBounds } from '../../../src/sources/alerts/index.ts';
import { falcoAlert } from '../../support/falco-alert.ts';
import { parseAs, signalsAs } from './support.ts';

const maps = { json: { any: { pod: 'pod' } } };
const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n]));

/** The least body of each shape, with more in it. */
const shapes: [AlertShape, (more: object) => unknown][] = [
  ['falco', (more) => falcoAlert(more as Record<string, unknown>)],
  ['alertmanager', (more) => ({ alerts: [{ labels: { pod: 'cart' }, ...more }] })],
  [
    'cloudevents',
    (more) => ({ specversion: '1.0', id: '1', source: 's', type: 't', pod: 'cart', ...more }),
  ],
  ['json/any', (more) => ({ ...more, pod: 'cart' })],
];

describe.each(shapes)('a hostile alert of shape %s', (shape, body) => {
  const given = { shape, maps };
  const fieldsOf = (more: unknown) => signalsAs(given, more)[0]?.fields ?? {};

  it('with 10,000 fields keeps 256 and tells how many were left out', () => {
    const fields = fieldsOf(body(many));
    expect(Object.keys(fields)).toHaveLength(flattenBounds.fieldsMax + 1);
    expect(fields[alertFields.leftOut]).toBeGreaterThan(9_700);
    expect(signalsAs(given, body(many))[0]?.hints).toMatchObject({
      pod: expect.stringMatching(/^cart/),
    });
  });

  it('with nesting deeper than the stack is refused', () => {
    const depth = 200_000;
    const text = JSON.stringify(body({ deep: 'HERE' }));
    const deep = text.replace('"HERE"', `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    const parsed = parseAs(given, deep);
    if (parsed.kind === 'refused') expect(parsed.reason).toBe('not-json');
    else expect(parsed.signals[0]?.fields[alertFields.leftOut]).toBe(1);
  });

  it('with names of the language itself reaches no prototype', () => {
    const text = JSON.stringify(body({ HERE: 1, constructor: 'c', toString: 't' }));
    const fields = fieldsOf(
      text.replace('"HERE":1', '"__proto__":{"pod":"evil","status":"firing"}'),
    );
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).pod).toBeUndefined();
    expect(Object.keys(fields).filter((name) => name.includes('__proto__'))).toHaveLength(2);
  });

  it('with numbers beyond all bounds tells them as infinite', () => {
    const text = JSON.stringify(body({ huge: 'HERE', long: 'THERE' }))
      .replace('"HERE"', '1e999')
      .replace('"THERE"', '9'.repeat(400));
    const values = Object.values(fieldsOf(text));
    expect(values).toContain('Infinity');
  });

  it('with bytes that are no UTF-8 is taken, the bytes replaced', () => {
    const text = JSON.stringify(body({ bytes: 'HERE' }));
    const [before = '', after = ''] = text.split('HERE');
    const encode = (part: string) => new TextEncoder().encode(part);
    const data = new Uint8Array([...encode(before), 0xff, 0xc0, 0x80, ...encode(after)]);
    expect(Object.values(fieldsOf(data))).toContain('\ufffd\ufffd\ufffd');
  });

  it('with lists that never end is cut, and tells how many were left out', () => {
    const scalars = fieldsOf(body({ list: Array.from({ length: 50_000 }, () => 1) }));
    const list = Object.entries(scalars).find(([name]) => name.endsWith('list'))?.[1];
    expect(String(list).split(',')).toHaveLength(flattenBounds.entriesMax);
    expect(scalars[alertFields.leftOut]).toBe(50_000 - flattenBounds.entriesMax);
    const empty = fieldsOf(body({ list: Array.from({ length: 50_000 }, () => ({})) }));
    expect(empty[alertFields.leftOut]).toBeGreaterThan(50_000 - flattenBounds.visitsMax);
    expect(Object.keys(empty).length).toBeLessThan(30);
  });

  it('with a million values is read in bounded time', () => {
    const list = Array.from({ length: 20 }, () => Array.from({ length: 5_000 }, () => ({})));
    const fields = fieldsOf(body({ list, text: 'x'.repeat(500_000) }));
    expect(JSON.stringify(fields).length).toBeLessThan(80_000);
  });
});
