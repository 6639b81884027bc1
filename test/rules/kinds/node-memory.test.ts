import { beforeAll, describe, expect, it } from '@jest/globals';
import { runAtOnce } from '../../../src/base/index.ts';
import { nodeMemoryThresholdSteps } from '../../../src/rules/derive-node-memory.ts';
import {
  carryState,
  createRulesCore,
  createWitness,
  type Decision,
  explain,
  noteRefused,
  prepareWhere,
  restoreState,
  saveState,
} from '../../../src/rules/index.ts';
import type { NodeMemorySignal, PodFact } from '../../../src/signal/index.ts';
import {
  type Bench,
  benchOf,
  brief,
  id,
  pod,
  podChanged,
  podGone,
  rulesOf,
  running,
  START_MS,
  waiting,
} from '../support/bench.ts';

beforeAll(prepareWhere);

const MIB = 2 ** 20;
const CAPACITY = 8_192 * MIB;
const WHEN = 'when: { memory: { of: node, availableBelow: 10% } }';
const RULE = `${WHEN}\ntarget: {}`;

/** Two pods that use more than they ask for: `big` most. */
const cart = podOf('cart', { memoryRequestBytes: 100 * MIB });
const big = podOf('big', { memoryRequestBytes: 100 * MIB });

function podOf(name: string, more: Partial<PodFact> = {}): PodFact {
  const containerId = id(Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12));
  return pod({ name, uid: `uid-${name}`, containers: [running('app', { containerId })], ...more });
}

/** What the node has, and what pods use, in MiB; the first of several containers uses most. */
function node(mib: number, used: [PodFact, number][] = []): NodeMemorySignal {
  return {
    kind: 'nodeMemory',
    availableBytes: mib * MIB,
    capacityBytes: CAPACITY,
    pods: used.map(([fact, usedMib]) => ({
      podUid: fact.uid,
      usedBytes: usedMib * MIB,
      containers: fact.containers.map(({ name, containerId = '' }, index) => ({
        container: name,
        containerId,
        usedBytes: (usedMib * MIB) / (index + 1),
      })),
    })),
    occurredMs: START_MS,
    seenMs: START_MS,
  };
}

function benchWith(pods: readonly PodFact[], spec = RULE): Bench {
  const bench = benchOf({ low: spec });
  for (const fact of pods) bench.at(0, podChanged(fact, true));
  return bench;
}

const briefs = (decisions: Decision[]) => decisions.map(brief);
const LOW: [PodFact, number][] = [
  [cart, 200],
  [big, 900],
];

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

describe('what a rule remembers of the node', () => {
  it('survives a restart: no second capture for one eviction', () => {
    const bench = benchWith([cart, big]);
    bench.at(0, node(500, LOW));
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    bench.state = restoreState(bench.core, saved);
    expect(
      bench.at(
        1_000,
        node(500, [
          [cart, 2_000],
          [big, 900],
        ]),
      ),
    ).toEqual([]);
    expect(bench.state.nodeMemory.size).toBe(1);
  });

  it('is nothing in a state that was saved before there was such a rule', () => {
    const bench = benchWith([big]);
    const { nodeMemory: _none, ...old } = JSON.parse(
      JSON.stringify(saveState(bench.core, bench.state)),
    );
    bench.state = restoreState(bench.core, old);
    expect(briefs(bench.at(0, node(500, LOW)))).toEqual(['fired low shop/big/app']);
  });

  it('goes with a rule that decides otherwise after a reload, and stays with one that does not', () => {
    const bench = benchWith([cart, big]);
    bench.at(0, node(500, LOW));
    const alike = createRulesCore(rulesOf({ low: RULE, other: RULE }), bench.core.options);
    expect([...carryState(bench.core, alike, bench.state).nodeMemory.keys()]).toEqual(['low']);
    const spec = 'when: { memory: { of: node, availableBelow: 11% } }\ntarget: {}';
    const otherwise = createRulesCore(rulesOf({ low: spec }), bench.core.options);
    expect(carryState(alike, otherwise, bench.state).nodeMemory.size).toBe(0);
  });

  it('is taken back when a guard refused the capture, and tried again half a minute later', () => {
    const bench = benchWith([big]);
    const [fired] = bench.at(0, node(500, LOW));
    if (!fired?.target) throw new Error('nothing fired');
    const refused = { rule: 'low', target: fired.target, reason: 'disk-low' } as const;
    noteRefused(bench.core, bench.state, refused, START_MS + 1_000);
    expect(briefs(bench.at(2_000, node(500, LOW)))).toEqual(['cooldown low shop/big/app']);
    expect(briefs(bench.at(32_000, node(500, LOW)))).toEqual(['fired low shop/big/app']);
  });

  it('moves with a clock that is set back', () => {
    const spec = 'when: { memory: { of: node, availableBelow: 10%, for: 5s } }\ntarget: {}';
    const bench = benchWith([big], spec);
    bench.at(0, node(500, LOW));
    bench.at(-3_600_000, node(500, LOW));
    expect(bench.at(-3_595_001, node(500, LOW))).toEqual([]);
    expect(briefs(bench.at(-3_595_000, node(500, LOW)))).toEqual(['fired low shop/big/app']);
  });
});

describe('what the source of the memory of the node is to look at', () => {
  const thresholds = ({ core, state }: Bench) => runAtOnce(nodeMemoryThresholdSteps(core, state));

  it('is nothing without such a rule', () => {
    expect(thresholds(benchOf({ low: 'when: { memory: { above: 85% } }\ntarget: {}' }))).toBe(
      undefined,
    );
  });

  it('is each running container that a rule reaches and the kubelet could evict', () => {
    const bench = benchWith(
      [
        cart,
        podOf('critical', { priority: 2_000_000_000 }),
        podOf('static', { isStatic: true }),
        podOf('other', { labels: {} }),
        podOf('down', { containers: [waiting()] }),
      ],
      'when: { memory: { of: node, availableBelow: 10%, availableAbove: 2Gi } }\n' +
        'target: { podSelector: { matchLabels: { app: cart } } }',
    );
    expect(thresholds(bench)).toMatchObject({
      below: [{ share: 0.1 }],
      above: [{ bytes: 2 ** 31 }],
      targets: [{ pod: 'cart', container: 'app' }],
    });
  });
});

describe('why a rule on the memory of the node did not fire', () => {
  const ask = (bench: Bench, signal: NodeMemorySignal | undefined, name: string) => {
    const witness = createWitness();
    if (signal) witness.signal(signal);
    const { core, state } = bench;
    const query = { namespace: 'shop', pod: name };
    const [one] = explain({ core, state, witness, nowMs: START_MS }, query);
    const [found] = one?.rules ?? [];
    return `${found?.answer}: ${found?.detail}`;
  };

  it.each<[string, NodeMemorySignal | undefined, string, string]>([
    [
      'more is available',
      node(1_000),
      'big',
      'no-match: 1000 MiB of 8 GiB available on the node at 00:00:00Z, fires below 10 % (819.2 MiB): not yet',
    ],
    [
      'another one goes first',
      node(500, LOW),
      'cart',
      'no-match: 500 MiB of 8 GiB available on the node at 00:00:00Z; 2 of 2: 200 MiB used, 100 MiB above its request, priority 0; shop/big/app is first: 900 MiB used, 800 MiB above its request, priority 0',
    ],
    [
      'the kubelet never evicts it',
      node(500, LOW),
      'critical',
      'no-match: the kubelet evicts no critical pod, and its priority is 2000001000',
    ],
    [
      'it is not measured yet',
      node(500, [[cart, 200]]),
      'big',
      'no-match: 500 MiB of 8 GiB available on the node at 00:00:00Z; not measured yet',
    ],
  ])('because %s', (_, signal, name, expected) => {
    const critical = podOf('critical', { priority: 2_000_001_000 });
    expect(ask(benchWith([cart, big, critical]), signal, name)).toBe(expected);
  });

  it('because it has fired for one that still runs', () => {
    const bench = benchWith([cart, big]);
    bench.at(0, node(500, LOW));
    const fired = 'not-rearmed: fired at 00:00:00Z for';
    expect(ask(bench, undefined, 'big')).toBe(`${fired} it, which still runs`);
    expect(ask(bench, undefined, 'cart')).toBe(`${fired} shop/big/app, which still runs`);
  });
});
