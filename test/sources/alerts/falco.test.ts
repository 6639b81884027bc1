import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type AlertSignal, alertFields } from '../../../src/signal/index.ts';
import { createAlertParsers } from '../../../src/sources/alerts/index.ts';
import { falcoAlert, falcoBody } from '../../support/falco-alert.ts';

const SEEN_MS = Date.UTC(2026, 0, 1, 10, 0, 1);

const LEFT_OUT_FIELD = alertFields.leftOut;
const parseFalco = (data: Uint8Array) =>
  createAlertParsers().get('falco')?.({ data }, { door: 'nats', seenMs: SEEN_MS });

function parse(body: Uint8Array | string): AlertSignal {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const parsed = parseFalco(bytes);
  if (parsed?.kind !== 'alerts') throw new Error(parsed?.message);
  const [signal] = parsed.signals;
  if (!signal) throw new Error('no signal');
  return signal;
}

const withFields = (output_fields: unknown) => parse(falcoBody({ output_fields }));

describe('a Falco alert as falcosidekick publishes it', () => {
  it('becomes a signal with flat fields and hints', () => {
    const signal = parse(falcoBody());
    expect(signal).toMatchObject({
      kind: 'alert',
      shape: 'falco',
      door: 'nats',
      alertId: '0e3b1b5e-6a9f-4b51-9a3e-6f1a5f3a0001',
      occurredMs: Date.UTC(2026, 0, 1, 10, 0, 0, 929),
      seenMs: SEEN_MS,
      hints: {
        containerIdPrefix: '45dd76eff80f',
        pod: 'cart-7d9f',
        container: 'app',
        node: 'node-a',
      },
    });
    expect(signal.hints).not.toHaveProperty('namespace');
    expect(signal.fields).toMatchObject({
      rule: 'Terminal shell in container',
      priority: 'Critical',
      tags: 'T1059,container,shell',
      'output_fields.container.id': '45dd76eff80f',
      'output_fields.k8s.ns.name': null,
      'output_fields.proc.tty': 34816,
    });
    expect(signal.fields).not.toHaveProperty(LEFT_OUT_FIELD);
  });

  it('has the hash of its body as id when Falco itself posts it, without uuid', () => {
    const body = falcoBody({ uuid: undefined });
    expect(parse(body).alertId).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('keeps nanoseconds that a number cannot hold as they were written', () => {
    const text = JSON.stringify(falcoAlert()).replace('34816', '1734874540929908828');
    expect(parse(text).fields['output_fields.proc.tty']).toBe('1734874540929908828');
  });
});

describe('the hints of a Falco alert', () => {
  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    [
      'a full id before the short one',
      { 'container.id': 'a'.repeat(12), 'container.full_id': 'a'.repeat(64) },
      { containerIdPrefix: 'a'.repeat(64) },
    ],
    [
      'no container for a process of the host',
      { 'container.id': 'host', 'container.name': 'host' },
      {},
    ],
    ['no container for an empty id', { 'container.id': '' }, {}],
    ['no container for an id that is too short', { 'container.id': '45dd76' }, {}],
    ['no container for an id that is none', { 'container.id': '../../etc/pw' }, {}],
    ['nothing for what Falco does not know', { 'k8s.ns.name': '<NA>', 'k8s.pod.name': null }, {}],
    [
      'the pod where metadata came in time',
      { 'k8s.ns.name': 'shop', 'k8s.pod.name': 'cart' },
      { namespace: 'shop', pod: 'cart' },
    ],
    ['nothing for a name longer than any', { 'k8s.pod.name': 'a'.repeat(254) }, {}],
    ['nothing for a field of another type', { 'k8s.pod.name': 7 }, {}],
  ];

  it.each(cases)('name %s', (_what, fields, hints) => {
    expect(withFields(fields).hints).toEqual({ ...hints, node: 'node-a' });
  });
});

describe('the time of a Falco alert', () => {
  const cases: [string, unknown, number][] = [
    ['whole seconds', '2026-01-01T10:00:00Z', SEEN_MS - 1_000],
    ['another zone', '2026-01-01T11:00:00.5+01:00', SEEN_MS - 500],
    ['the zero time of Go: seen', '0001-01-01T00:00:00Z', SEEN_MS],
    ['the future: seen', '2026-01-01T10:00:02Z', SEEN_MS],
    ['two days ago: seen', '2025-12-30T10:00:00Z', SEEN_MS],
    ['no time at all: seen', undefined, SEEN_MS],
    ['no date that exists: seen', '2026-13-41T10:00:00Z', SEEN_MS],
    ['words: seen', 'yesterday', SEEN_MS],
  ];

  it.each(cases)('is taken from %s', (_what, time, occurredMs) => {
    expect(parse(falcoBody({ time })).occurredMs).toBe(occurredMs);
  });
});

describe('a body that is no Falco alert', () => {
  const cases: [string, string, 'not-json' | 'bad-shape'][] = [
    ['nothing', '', 'not-json'],
    ['words', 'secret words', 'not-json'],
    ['half of an alert', '{"rule": "secret', 'not-json'],
    ['numbers nested too deep', `${'['.repeat(200_000)}1234567890123456789`, 'not-json'],
    ['a list', '["secret"]', 'bad-shape'],
    ['null', 'null', 'bad-shape'],
    ['an alert of Alertmanager', '{"alerts": [{"labels": {"secret": "1"}}]}', 'bad-shape'],
    ['no rule', '{"priority": "Critical", "output": "secret"}', 'bad-shape'],
    ['no priority', '{"rule": "secret"}', 'bad-shape'],
    [
      'output fields in a list',
      '{"rule": "r", "priority": "p", "output_fields": ["secret"]}',
      'bad-shape',
    ],
  ];

  it.each(cases)('is refused and not quoted: %s', (_what, text, reason) => {
    const parsed = parseFalco(new TextEncoder().encode(text));
    expect(parsed).toMatchObject({ kind: 'refused', reason });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});

describe('the bounds of what is kept', () => {
  it('cut a long text and say so', () => {
    const { fields } = parse(falcoBody({ output: 'a'.repeat(5_000) }));
    expect(fields.output).toHaveLength(4_096);
    expect(fields[LEFT_OUT_FIELD]).toBe(1);
  });

  it('leave out what is beyond 256 fields, never rule and priority', () => {
    const junk = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`junk${i}`, i]));
    const { fields } = parse(JSON.stringify({ ...junk, ...falcoAlert() }));
    expect(Object.keys(fields)).toHaveLength(257);
    expect(fields).toMatchObject({ rule: 'Terminal shell in container', priority: 'Critical' });
    expect(fields['output_fields.container.id']).toBe('45dd76eff80f');
    expect(fields[LEFT_OUT_FIELD]).toBeGreaterThan(700);
  });

  it('leave out what is nested deeper than six', () => {
    const deep = (depth: number): unknown => (depth === 0 ? 'end' : { a: deep(depth - 1) });
    const { fields } = parse(falcoBody({ five: deep(5), six: deep(6) }));
    expect(fields['five.a.a.a.a.a']).toBe('end');
    expect(Object.keys(fields).some((name) => name.startsWith('six'))).toBe(false);
    expect(fields[LEFT_OUT_FIELD]).toBe(1);
  });

  it('keep 64 KiB in all', () => {
    const big = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`f${i}`, 'x'.repeat(4_000)]),
    );
    const { fields } = withFields(big);
    expect(JSON.stringify(fields).length).toBeLessThan(70_000);
  });

  it('let no field reach the prototype', () => {
    const text = JSON.stringify(falcoAlert()).replace('"uuid"', '"__proto__":{"rule":"x"},"uuid"');
    const { fields } = parse(text);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(fields['__proto__.rule']).toBe('x');
    expect(parse(text.replace('{"rule":"x"}', '"x"')).fields.rule).toBe(
      'Terminal shell in container',
    );
  });

  it('let a field of the same flat name not replace the first', () => {
    const { fields } = parse(falcoBody({ 'output_fields.container.id': 'ffffffffffff' }));
    expect(fields['output_fields.container.id']).toBe('45dd76eff80f');
  });
});
