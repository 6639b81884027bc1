import { describe, expect, it } from '@jest/globals';
import { lostPodOf } from '../../src/rules/index.ts';
import type { AlertSignal } from '../../src/signal/index.ts';
import { alert, benchOf, pod, podChanged } from './support/bench.ts';

const critical = '{ shape: falco, match: [{ field: priority, equals: Critical }] }';
const bench = benchOf({ it: `when: { alert: ${critical} }\ntarget: {}` });
bench.at(0, podChanged(pod(), true));

describe('the pod whose node is to be asked for', () => {
  const other = { namespace: 'shop', pod: 'pay-1' };
  const rows: [what: string, more: Partial<AlertSignal>, asked: object | undefined][] = [
    ['of a pod that is not here', { hints: other }, other],
    [
      'of a container that is not here, in a pod that is not here',
      { hints: { ...other, containerIdPrefix: 'bbbbbbbbbbbb' } },
      other,
    ],
    ['that names its node', { hints: { ...other, node: 'node-2' } }, undefined],
    ['that no rule wants', { hints: other, fields: { priority: 'Notice' } }, undefined],
    ['of a pod that is here', { hints: { namespace: 'shop', pod: 'cart' } }, undefined],
    [
      'of a former life of a pod that is here',
      { hints: { namespace: 'shop', pod: 'cart', containerIdPrefix: 'bbbbbbbbbbbb' } },
      undefined,
    ],
    [
      'of a container that is here, whatever its pod is called',
      { hints: { ...other, containerIdPrefix: 'aaaaaaaaaaaa' } },
      undefined,
    ],
    ['of a container id alone', { hints: { containerIdPrefix: 'bbbbbbbbbbbb' } }, undefined],
    ['of a pod without its namespace', { hints: { pod: 'pay-1' } }, undefined],
  ];
  it.each(rows)('an alert %s', (_, more, asked) => {
    expect(lostPodOf(bench.core, bench.state, alert(more))).toEqual(asked);
  });

  it('without an answer the decision says that no node was named', () => {
    const [decision] = bench.at(1, alert({ hints: other }));
    expect(decision).toMatchObject({
      reason: 'target-unknown',
      detail: 'no pod shop/pay-1; it names no node, so it may be about another one',
    });
    expect(bench.at(2, alert({ hints: { ...other, node: 'node-2' } }))).toEqual([]);
    const [told] = bench.at(3, alert({ hints: { ...other, node: 'node-1' } }));
    expect(told).toMatchObject({ reason: 'target-unknown', detail: 'no pod shop/pay-1' });
  });
});
