import { beforeAll, describe, expect, it } from '@jest/globals';
import { prepareWhere } from '../../../src/rules/index.ts';
import type { PodFact } from '../../../src/signal/index.ts';
import { id, pod, podChanged, podGone, running, waiting } from '../support/bench.ts';
import {
  benchWith,
  big,
  briefs,
  cart,
  LOW,
  MIB,
  node,
  podOf,
  RULE,
  WHEN,
} from '../support/node-memory.ts';

beforeAll(prepareWhere);

describe('whom a rule on the memory of the node fires for', () => {
  it.each<[string, [PodFact, number][], string]>([
    [
      'who uses more than it asks for',
      [
        [cart, 101],
        [podOf('db'), 0],
        [podOf('fat', { memoryRequestBytes: 2_000 * MIB }), 1_999],
      ],
      'cart',
    ],
    [
      'of several of these the lower priority',
      [
        [big, 900],
        [podOf('low', { priority: -1 }), 1],
      ],
      'low',
    ],
    [
      'of one priority who is furthest above',
      [
        [cart, 200],
        [big, 201],
      ],
      'big',
    ],
    [
      'who asks for nothing and uses something',
      [
        [cart, 100],
        [podOf('bare'), 1],
      ],
      'bare',
    ],
    [
      'when nobody is above, the lower priority',
      [
        [podOf('a', { memoryRequestBytes: 1_000 * MIB }), 999],
        [podOf('b', { memoryRequestBytes: 1_000 * MIB, priority: -5 }), 1],
      ],
      'b',
    ],
    [
      'of equal ones by name',
      [
        [podOf('b'), 7],
        [podOf('a'), 7],
      ],
      'a',
    ],
    [
      'not a critical pod',
      [
        [podOf('c', { priority: 2_000_001_000 }), 5_000],
        [cart, 50],
      ],
      'cart',
    ],
    [
      'not a static pod',
      [
        [podOf('s', { isStatic: true }), 5_000],
        [cart, 50],
      ],
      'cart',
    ],
    [
      'not one of a denied namespace',
      [
        [podOf('k', { namespace: 'kube-system' }), 5_000],
        [cart, 50],
      ],
      'cart',
    ],
  ])('%s', (_, used, expected) => {
    const bench = benchWith(used.map(([fact]) => fact));
    expect(briefs(bench.at(1_000, node(500, used)))).toEqual([`fired low shop/${expected}/app`]);
  });

  it('is the container of the pod that uses most, of those that it selects and that run', () => {
    const containers = [
      running('proxy', { containerId: id('a1') }),
      waiting('crashed', { containerId: id('a2') }),
      running('app', { containerId: id('a3') }),
      running('small', { containerId: id('a4') }),
    ];
    const many = pod({ name: 'many', uid: 'uid-many', containers });
    const bench = benchWith([many], `${WHEN}\ntarget: { exclude: { containers: [proxy] } }`);
    expect(briefs(bench.at(0, node(1, [[many, 64]])))).toEqual(['fired low shop/many/app']);
  });

  it('is nobody whose life has changed since it was measured, or that is not known', () => {
    const bench = benchWith([cart]);
    const old = podOf('cart', { containers: [running('app', { containerId: id('0d') })] });
    const decisions = bench.at(
      0,
      node(1, [
        [old, 900],
        [big, 900],
      ]),
    );
    expect(briefs(decisions)).toEqual(['not-selected low']);
    expect(bench.at(1_000, node(1, [[old, 900]]))).toEqual([]);
  });

  it('is told with the ranking, and with why it is the first', () => {
    const [decision] = benchWith([cart, big]).at(0, node(500, LOW));
    expect(decision).toMatchObject({
      detail:
        '500 MiB available on the node < 10 % (819.2 MiB); ' +
        '900 MiB used, 800 MiB above its request, priority 0; first of 2',
      signal: {
        kind: 'nodeMemory',
        text: 'node memory 500 MiB of 8 GiB left',
        data: { ranked: 2, ranking: [{ target: 'shop/big/app' }, { target: 'shop/cart/app' }] },
      },
    });
    expect(decision?.trail.map(({ part, holds }) => `${part} ${holds}`).slice(0, 2)).toEqual([
      'when.memory.availableBelow true',
      'eviction rank true',
    ]);
  });
});

describe('when a rule on the memory of the node fires', () => {
  it.each<[string, number, number]>([
    ['not at the amount', 820, 0],
    ['below it', 819, 1],
  ])('%s', (_, mib, count) => {
    expect(benchWith([big]).at(0, node(mib, LOW))).toHaveLength(count);
  });

  it('takes an amount in bytes as it is, whatever the capacity', () => {
    const spec = 'when: { memory: { of: node, availableBelow: 500Mi } }\ntarget: {}';
    const bench = benchWith([big], spec);
    expect(bench.at(0, node(500, LOW))).toEqual([]);
    expect(briefs(bench.at(1_000, node(499.9, LOW)))).toEqual(['fired low shop/big/app']);
  });

  it('waits until it has lasted, and begins anew after a rise', () => {
    const spec = 'when: { memory: { of: node, availableBelow: 10%, for: 5s } }\ntarget: {}';
    const bench = benchWith([big], spec);
    expect(briefs(bench.at(0, node(500, LOW)))).toEqual(['window-open low shop/big/app']);
    expect(bench.at(4_000, node(500, LOW))).toEqual([]);
    expect(bench.at(4_500, node(900))).toEqual([]);
    expect(bench.at(5_000, node(500, LOW))).toEqual([]);
    expect(bench.at(9_999, node(500, LOW))).toEqual([]);
    expect(briefs(bench.at(10_000, node(500, LOW)))).toEqual(['fired low shop/big/app']);
  });

  it('fires for no other while that one runs, though another goes first by then', () => {
    const bench = benchWith([cart, big]);
    bench.at(0, node(500, LOW));
    expect(
      bench.at(
        1_000,
        node(400, [
          [cart, 2_000],
          [big, 900],
        ]),
      ),
    ).toEqual([]);
    expect(
      bench.at(
        20_000,
        node(100, [
          [cart, 2_000],
          [big, 900],
        ]),
      ),
    ).toEqual([]);
  });

  it('fires for the next one when that one has ended and memory is still low', () => {
    const bench = benchWith([cart, big]);
    bench.at(0, node(500, LOW));
    bench.at(1_000, podGone('uid-big'));
    expect(briefs(bench.at(2_000, node(500, [[cart, 200]])))).toEqual(['fired low shop/cart/app']);
  });

  it('cools down for the next life of the same container', () => {
    const bench = benchWith([big]);
    bench.at(0, node(500, LOW));
    const again = podOf('big', { containers: [running('app', { containerId: id('bb') })] });
    bench.at(1_000, podChanged(again));
    const low = node(500, [[again, 900]]);
    expect(briefs(bench.at(2_000, low))).toEqual(['cooldown low shop/big/app']);
    expect(bench.at(3_000, low)).toEqual([]);
    // Without anything else happening the cooldown ends.
    expect(briefs(bench.at(600_000, low))).toEqual(['fired low shop/big/app']);
  });

  it('fires again after a rise above the second amount, not above the first', () => {
    const spec = `when: { memory: { of: node, availableBelow: 10%, availableAbove: 2Gi } }\ntarget: {}`;
    const bench = benchWith([cart, big], spec);
    bench.at(0, node(500, LOW));
    const other = node(500, [
      [cart, 2_000],
      [big, 900],
    ]);
    bench.at(1_000, node(2_047));
    expect(bench.at(2_000, other)).toEqual([]);
    bench.at(3_000, node(2_048));
    expect(briefs(bench.at(4_000, other))).toEqual(['fired low shop/cart/app']);
  });

  it('says what it said again after ten minutes only, however often memory wavers', () => {
    const spec = `${WHEN}\ntarget: {}\nlimits: { cooldown: 1h }`;
    const bench = benchWith([big], spec);
    bench.at(0, node(500, LOW));
    const told: string[] = [];
    for (let second = 1; second < 1_300; second++) {
      bench.at(second * 1_000, node(900));
      told.push(...briefs(bench.at(second * 1_000 + 500, node(500, LOW))));
    }
    expect(told).toEqual(Array(3).fill('cooldown low shop/big/app'));
  });

  it('only says so in mode observe', () => {
    const bench = benchWith([big], `mode: observe\n${RULE}`);
    expect(briefs(bench.at(0, node(500, LOW)))).toEqual(['observed low shop/big/app']);
    expect(bench.at(1_000, node(500, LOW))).toEqual([]);
  });

  it('goes down the ranking to the first that where is true of', () => {
    const spec = `${RULE}\nwhere: signal.podUsedBytes < 500 * 1048576 && signal.podPriority == 0`;
    const bench = benchWith([cart, big], spec);
    expect(briefs(bench.at(0, node(500, LOW)))).toEqual(['fired low shop/cart/app']);
  });

  it('bounds what one node has to bear by a budget', () => {
    const spec = `${RULE}\nlimits: { budget: { count: 1, within: 1h, per: node } }`;
    const bench = benchWith([cart, big], spec);
    bench.at(0, node(500, LOW));
    bench.at(1_000, podGone('uid-big'));
    expect(briefs(bench.at(2_000, node(500, LOW)))).toEqual(['budget low shop/cart/app']);
  });
});
