import { describe, expect, it } from '@jest/globals';
import { parseAs, payload, SEEN_MS, signalsAs } from './support.ts';

const given = { shape: 'alertmanager' } as const;
const ID = `45dd76eff80f45dd76eff80f45dd76eff80f45dd76eff80f45dd76eff80fabcd`;

/** The hints of an alert with these labels. */
function hintsOf(labels: Record<string, unknown>) {
  const [signal] = signalsAs(given, { alerts: [{ status: 'firing', labels }] });
  return signal?.hints;
}

describe('the body of Alertmanager', () => {
  it('becomes a signal for each of its alerts', () => {
    const signals = signalsAs(given, payload('alertmanager.json'));
    expect(signals).toMatchObject([
      {
        kind: 'alert',
        shape: 'alertmanager',
        door: 'webhook',
        alertId: `1a30ba71cca2921f:${Date.UTC(2026, 0, 1, 10, 0, 0, 250)}`,
        occurredMs: SEEN_MS - 750,
        hints: { containerIdPrefix: ID, namespace: 'shop', pod: 'cart-7d9f', container: 'app' },
        fields: {
          status: 'firing',
          'labels.alertname': 'ContainerMemoryHigh',
          'labels.instance': '10.0.0.5:10250',
          'annotations.value': '0.97',
          receiver: 'stillpoint',
          'stillpoint.severity': 'critical',
          'stillpoint.title': 'ContainerMemoryHigh',
        },
      },
      {
        fields: { status: 'resolved' },
        hints: {
          podUid: '5b1ff1a2-6a2c-4a5b-9c7e-1e1f2a3b4c5d',
          namespace: 'pay',
          pod: 'till-0',
          container: 'web',
        },
      },
    ]);
    expect(signals).toHaveLength(2);
  });

  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['pod and namespace', { namespace: 'a', pod: 'b' }, { namespace: 'a', pod: 'b' }],
    [
      'names of older cAdvisor',
      { namespace: 'a', pod_name: 'b', container_name: 'c' },
      { namespace: 'a', pod: 'b', container: 'c' },
    ],
    [
      'names of OpenTelemetry',
      { k8s_namespace_name: 'a', k8s_pod_name: 'b', k8s_node_name: 'n' },
      { namespace: 'a', pod: 'b', node: 'n' },
    ],
    [
      'the container id as kube-state-metrics writes it',
      { container_id: `containerd://${ID}` },
      { containerIdPrefix: ID },
    ],
    ['no container for the sandbox', { pod: 'b', container: 'POD' }, { pod: 'b' }],
    ['no id for the id of anything else', { id: ID, uid: '77', pod: 'b' }, { pod: 'b' }],
    [
      'nothing of the exporter where the metric has a pod',
      { exported_pod: 'b', namespace: 'monitoring', pod: 'x', container: 'x' },
      { pod: 'b' },
    ],
    ['nothing for labels that are no texts', { pod: 7, namespace: { a: 1 }, container: null }, {}],
  ];
  it.each(cases)('names %s', (_what, labels, hints) => {
    expect(hintsOf(labels)).toEqual(hints);
  });

  it('gives an alert that fires again another id', () => {
    const alert = (startsAt: string) => ({ labels: {}, fingerprint: 'aa', startsAt });
    const ids = signalsAs(given, {
      alerts: [
        alert('2026-01-01T09:00:00Z'),
        alert('2026-01-01T10:00:00+01:00'),
        alert('2026-01-01T09:30:00Z'),
      ],
    }).map(({ alertId }) => alertId);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('has no alert without labels, and tells how many', () => {
    const parsed = parseAs(given, { alerts: [{ labels: {} }, { labels: [] }, 'x', null] });
    expect(parsed).toMatchObject({
      kind: 'alerts',
      signals: [{ hints: {} }],
      leftOut: [{ reason: 'bad-shape', count: 3 }],
    });
  });

  it('gives 256 signals at most, and tells how many it left out', () => {
    const alerts = Array.from({ length: 300 }, (_, n) => ({ labels: { n: String(n) } }));
    const parsed = parseAs(given, { alerts });
    expect(parsed).toMatchObject({ leftOut: [{ reason: 'too-many', count: 44 }] });
    expect(parsed.kind === 'alerts' && parsed.signals).toHaveLength(256);
  });

  it('may have no alerts at all', () => {
    expect(signalsAs(given, { alerts: [] })).toEqual([]);
  });

  it.each([
    ['an alert of Falco', { rule: 'r', priority: 'p' }, 'bad-shape'],
    ['alerts that are no list', { alerts: { 0: { labels: {} } } }, 'bad-shape'],
    ['alerts without labels', { alerts: [{ secret: 1 }] }, 'bad-shape'],
    ['a list', [], 'bad-shape'],
    ['words', 'secret', 'not-json'],
  ])('is refused and not quoted: %s', (_what, body, reason) => {
    const parsed = parseAs(given, body);
    expect(parsed).toMatchObject({ kind: 'refused', reason });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});
