import { describe, expect, it } from '@jest/globals';
import { falcoAlert } from '../../support/falco-alert.ts';
import { parseAs, payload, SEEN_MS, signalsAs } from './support.ts';

const given = { shape: 'cloudevents' } as const;
const structured = { ...given, headers: { 'content-type': 'application/cloudevents+json' } };
const binary = {
  'content-type': 'application/json; charset=utf-8',
  'ce-specversion': '1.0',
  'ce-id': '7',
  'ce-source': 'https://falco.org',
  'ce-type': 'falco.rule.output.v1',
};

const event = { specversion: '1.0', id: '1', source: '/s', type: 't' };

describe('a CloudEvent', () => {
  it('in structured mode becomes a signal, its attributes fields beside those of its data', () => {
    const [signal] = signalsAs(structured, payload('cloudevent.json'));
    expect(signal).toMatchObject({
      shape: 'cloudevents',
      occurredMs: SEEN_MS - 1_000,
      hints: { namespace: 'shop', pod: 'cart-7d9f', container: 'app' },
      fields: {
        type: 'example.malware.found.v1',
        'data.signature': 'miner',
        'data.process.pid': 4711,
        'stillpoint.severity': 'ERROR',
        'stillpoint.title': 'example.malware.found.v1',
      },
    });
  });

  it('over NATS has no headers and is structured', () => {
    const [over] = signalsAs(given, payload('cloudevent.json'));
    expect(over).toEqual(signalsAs(structured, payload('cloudevent.json'))[0]);
  });

  it('in binary mode has its attributes in headers, as falcosidekick sends it', () => {
    const headers = { ...binary, 'ce-priority': 'Critical', 'ce-rule': 'Terminal%20shell' };
    const [signal] = signalsAs({ ...given, headers }, falcoAlert());
    expect(signal).toMatchObject({
      hints: { containerIdPrefix: '45dd76eff80f', pod: 'cart-7d9f', node: 'node-a' },
      fields: {
        id: '7',
        rule: 'Terminal shell',
        'data.output_fields.proc.cmdline': 'sh -i',
        'stillpoint.severity': 'Critical',
        'stillpoint.title': 'Terminal shell',
      },
    });
  });

  it('comes also in a batch', () => {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const batch = [event, { ...event, id: '2' }, { id: 'no event' }];
    expect(parseAs({ ...given, headers }, batch)).toMatchObject({
      signals: [{ fields: { id: '1' } }, { fields: { id: '2' } }],
      leftOut: [{ reason: 'bad-shape', count: 1 }],
    });
  });

  it('has an id only together with its source', () => {
    const idOf = (more: object) => signalsAs(given, { ...event, ...more })[0]?.alertId;
    expect(idOf({})).toBe(idOf({ subject: 'x' }));
    expect(idOf({})).not.toBe(idOf({ source: '/other' }));
  });

  it('is read by the map of the owner first', () => {
    const maps = { cloudevents: { pod: ['data.k8s.pod', 'subject'], severity: 'data.risk' } };
    const [byData, bySubject] = [{ k8s: { pod: 'b' }, pod: 'x', risk: 'high' }, {}].map(
      (data) => signalsAs({ ...given, maps }, { ...event, subject: 'c', data })[0],
    );
    expect(byData).toMatchObject({
      hints: { pod: 'b' },
      fields: { 'stillpoint.severity': 'high' },
    });
    expect(bySubject?.hints).toEqual({ pod: 'c' });
  });

  const hints: [string, Record<string, unknown>, Record<string, unknown>][] = [
    [
      'extensions',
      { namespace: 'a', pod: 'b', poduid: 'u' },
      { namespace: 'a', pod: 'b', podUid: 'u' },
    ],
    ['its data', { data: { namespace: 'a', pod: 'b' } }, { namespace: 'a', pod: 'b' }],
    [
      'a subject that is a path',
      { subject: 'x/namespaces/a/pods/b' },
      { namespace: 'a', pod: 'b' },
    ],
    ['no subject of another form', { subject: 'a/b' }, {}],
    ['no subject below a pod', { subject: '/namespaces/a/pods/b/log/x' }, {}],
    [
      'no subject where the pod is named',
      { pod: 'c', subject: '/namespaces/a/pods/b' },
      { pod: 'c' },
    ],
    ['no object', { data: { pod: { name: 'b' }, namespace: ['a'] } }, {}],
  ];
  it.each(hints)('names its target by %s', (_what, more, expected) => {
    expect(signalsAs(given, { ...event, ...more })[0]?.hints).toEqual(expected);
  });

  it('keeps data that is text, and leaves out what is neither JSON nor text', () => {
    const dataOf = (type: string) => {
      const headers = { ...binary, 'content-type': type };
      return signalsAs({ ...given, headers }, '{"a":1}')[0]?.fields;
    };
    expect(dataOf('text/plain')?.data).toBe('{"a":1}');
    expect(dataOf('application/x.y+json')?.['data.a']).toBe(1);
    expect(Object.keys(dataOf('application/octet-stream') ?? {})).not.toContain('data');
  });

  it.each([
    ['no version', { ...event, specversion: undefined }],
    ['another version', { ...event, specversion: '2.0' }],
    ['no source', { ...event, source: '' }],
    ['an id that is no text', { ...event, id: 5 }],
    ['a list outside a batch', [event]],
    ['null', null],
  ])('is refused with %s', (_what, body) => {
    expect(parseAs(given, body)).toMatchObject({ kind: 'refused', reason: 'bad-shape' });
  });

  it('is refused when data that must be JSON is none', () => {
    expect(parseAs({ ...given, headers: binary }, 'words')).toMatchObject({ reason: 'not-json' });
  });

  it('takes headers that are no encoding as they are, and none that is no attribute', () => {
    const headers = { ...binary, 'ce-a': '100%', 'ce-__proto__': 'x', 'ce-': 'x', 'ce-A.B': 'x' };
    const [signal] = signalsAs({ ...given, headers }, {});
    expect(signal?.fields).toMatchObject({ a: '100%' });
    expect(Object.keys(signal?.fields ?? {}).filter((name) => /proto|\.B/.test(name))).toEqual([]);
  });
});
