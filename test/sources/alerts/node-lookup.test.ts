import { describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../../src/base/index.ts';
import type { ApiClient } from '../../../src/kube/index.ts';
import type { AlertSignal } from '../../../src/signal/index.ts';
import { createAlertNodeLookup } from '../../../src/sources/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function alertOf(pod: string, alertId = pod): AlertSignal {
  const times = { occurredMs: 0, seenMs: 0 };
  const hints = { namespace: 'shop', pod };
  return { kind: 'alert', shape: 'falco', door: 'nats', alertId, fields: {}, hints, ...times };
}

const podOn = (nodeName: string) => ({ items: [{ spec: { nodeName } }] });
const refusal = new StillpointError({ code: 'forbidden', message: 'no' });

/** An API server that answers each question, by the name that it is asked for. */
function rigOf(answer: (path: string) => Promise<unknown>) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const failures: unknown[] = [];
  const emitted: (string | undefined)[][] = [];
  const api = {
    json: (request: { path: string }) => {
      asked.push(request.path);
      return answer(request.path);
    },
  } as unknown as ApiClient;
  const lookup = createAlertNodeLookup({
    api,
    clock,
    emit: ({ alertId, hints }) => emitted.push([alertId, hints.node]),
    onFailure: (_, error) => failures.push(error),
  });
  const ask = (pod: string, alertId = pod, namespace = 'shop') =>
    lookup.ask(alertOf(pod, alertId), { namespace, pod });
  return { clock, asked, failures, emitted, lookup, ask };
}

describe('the node of an alert', () => {
  it('is that of the pod that it names, asked for by its name', async () => {
    const { clock, asked, emitted, ask } = rigOf(async () => podOn('node-2'));
    ask('cart');
    expect(emitted).toEqual([]);
    await clock.advance(0);
    expect(emitted).toEqual([['cart', 'node-2']]);
    const query = 'fieldSelector=metadata.name%3Dcart&resourceVersion=0';
    expect(asked).toEqual([`/api/v1/namespaces/shop/pods?${query}`]);
  });

  it('stays unknown of a pod that nobody has, or that no node has yet', async () => {
    const { clock, emitted, ask } = rigOf(async (path) =>
      path.includes('%3Dgone') ? { items: [] } : { items: [{ spec: {} }] },
    );
    ask('gone');
    ask('pending');
    await clock.advance(0);
    expect(emitted).toEqual([
      ['gone', undefined],
      ['pending', undefined],
    ]);
  });

  it('is asked for once while many alerts wait, and once in 30 s', async () => {
    const { clock, asked, emitted, ask } = rigOf(async () => podOn('node-2'));
    ask('cart', 'a');
    ask('cart', 'b');
    await clock.advance(0);
    ask('cart', 'c');
    expect(emitted).toEqual(['a', 'b', 'c'].map((id) => [id, 'node-2']));
    expect(asked).toHaveLength(1);
    await clock.advance(30_000);
    ask('cart', 'd');
    expect(asked).toHaveLength(2);
  });

  it('stays unknown when the API server refuses, which is told', async () => {
    const { clock, failures, emitted, ask } = rigOf(() => Promise.reject(refusal));
    ask('cart');
    await clock.advance(0);
    expect(emitted).toEqual([['cart', undefined]]);
    expect(failures).toEqual([refusal]);
  });

  it.each([
    ['shop', '../../secrets'],
    ['shop', 'a?watch=1'],
    ['shop/pods/x', 'cart'],
    ['shop', 'A'],
  ])('is not asked for by names that no pod has: %s %s', (namespace, pod) => {
    const { asked, emitted, ask } = rigOf(async () => podOn('node-2'));
    ask(pod, 'a', namespace);
    expect(asked).toEqual([]);
    expect(emitted).toEqual([['a', undefined]]);
  });

  it('is asked for within bounds: a flood goes on as it came', async () => {
    const { clock, asked, emitted, ask } = rigOf(async () => podOn('node-2'));
    for (let index = 0; index < 100; index++) {
      ask(`pod-${index}`);
      await clock.advance(0);
    }
    expect(asked).toHaveLength(20);
    expect(emitted).toHaveLength(100);
    await clock.advance(1_000);
    for (const pod of ['x', 'y', 'z']) ask(pod);
    expect(asked).toHaveLength(22);
  });

  it('holds back so many alerts and no more while nobody answers', () => {
    const { asked, emitted, ask } = rigOf(() => new Promise(() => undefined));
    for (let index = 0; index < 300; index++) ask('cart', String(index));
    for (let index = 0; index < 20; index++) ask(`pod-${index}`);
    expect(asked).toHaveLength(1);
    expect(emitted).toHaveLength(300 - 256 + 20);
  });

  it('goes on no more after a stop', async () => {
    const { clock, failures, emitted, lookup, ask } = rigOf(async () => podOn('node-2'));
    ask('cart');
    lookup.stop();
    await clock.advance(0);
    expect([emitted, failures]).toEqual([[], []]);
  });
});
