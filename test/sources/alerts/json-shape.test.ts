import { describe, expect, it } from '@jest/globals';
import { parseAs, payload, SEEN_MS, signalsAs } from './support.ts';

const wazuh = {
  containerId: 'data.kubernetes.container.id',
  podUid: 'data.kubernetes.pod.uid',
  namespace: 'data.kubernetes.namespace',
  pod: ['data.kubernetes.pod_name', 'data.kubernetes.pod.name'],
  container: 'data.kubernetes.container.name',
  node: 'agent.name',
  id: 'id',
  severity: 'rule.level',
  title: 'rule.description',
  time: 'timestamp',
};
const given = { shape: 'json/wazuh', maps: { json: { wazuh } } } as const;

describe('JSON with a map', () => {
  it('becomes a signal with what the map finds', () => {
    const [signal] = signalsAs(given, payload('wazuh.json'));
    expect(signal).toMatchObject({
      shape: 'json/wazuh',
      alertId: '1767261600.18455',
      occurredMs: SEEN_MS - 750,
      hints: {
        containerIdPrefix: '45dd76eff80f45dd76eff80f45dd76eff80f45dd76eff80f45dd76eff80fabcd',
        podUid: 'uid-cart',
        namespace: 'shop',
        pod: 'cart-7d9f',
        container: 'app',
        node: 'node-a',
      },
      fields: {
        'rule.level': 12,
        'stillpoint.severity': '12',
        'stillpoint.title': 'A shell was opened in a container',
      },
    });
  });

  it('finds keys that have dots of their own', () => {
    const maps = { json: { x: { pod: 'a.b.c', namespace: 'a.b' } } };
    const hintsOf = (body: object) => signalsAs({ shape: 'json/x', maps }, body)[0]?.hints;
    expect(hintsOf({ a: { b: { c: 'deep' } } })).toEqual({ pod: 'deep' });
    expect(hintsOf({ 'a.b.c': 'flat' })).toEqual({ pod: 'flat' });
    expect(hintsOf({ a: { 'b.c': 'mixed' }, 'a.b': 'ns' })).toEqual({
      pod: 'mixed',
      namespace: 'ns',
    });
  });

  it('finds nothing on the prototype, and follows no text', () => {
    const maps = { json: { x: { pod: 'constructor.name', namespace: 'a.length' } } };
    expect(signalsAs({ shape: 'json/x', maps }, { a: 'text' })[0]?.hints).toEqual({});
  });

  it('has no id of a form that could be anything: then the hash of the body', () => {
    const ids = ['a b', { a: 1 }, null].map((id) => signalsAs(given, { id })[0]?.alertId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(ids).size).toBe(3);
    expect(signalsAs(given, { id: 7 })[0]?.alertId).toBe('7');
  });

  const times: [string, unknown, number][] = [
    ['seconds', 1_767_261_600, SEEN_MS - 1_000],
    ['seconds with a fraction', 1_767_261_600.5, SEEN_MS - 500],
    ['milliseconds', 1_767_261_600_500, SEEN_MS - 500],
    ['microseconds', 1_767_261_600_500_000, SEEN_MS - 500],
    ['nanoseconds, which no double holds', '1767261600500000000', SEEN_MS - 500],
    ['a date', '2026-01-01T10:00:00.5Z', SEEN_MS - 500],
    ['a negative number: seen', -1, SEEN_MS],
    ['true: seen', true, SEEN_MS],
  ];
  it.each(times)('takes its time from %s', (_what, timestamp, occurredMs) => {
    expect(signalsAs(given, { timestamp })[0]?.occurredMs).toBe(occurredMs);
  });

  it.each([
    ['a list', [{}], 'bad-shape'],
    ['a number', '7', 'bad-shape'],
    ['nothing', '', 'not-json'],
  ])('is refused: %s', (_what, body, reason) => {
    expect(parseAs(given, body)).toMatchObject({ kind: 'refused', reason });
  });
});
