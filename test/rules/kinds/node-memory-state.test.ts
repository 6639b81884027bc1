import { describe, expect, it } from '@jest/globals';
import { runAtOnce } from '../../../src/base/index.ts';
import { nodeMemoryThresholdSteps } from '../../../src/rules/derive-node-memory.ts';
import {
  carryState,
  createRulesCore,
  createWitness,
  explain,
  noteRefused,
  readEntry,
  restoreState,
  saveState,
  signalEntry,
} from '../../../src/rules/index.ts';
import type { NodeMemorySignal } from '../../../src/signal/index.ts';
import { type Bench, benchOf, rulesOf, START_MS, waiting } from '../support/bench.ts';
import { benchWith, big, briefs, cart, LOW, node, podOf, RULE } from '../support/node-memory.ts';

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

describe('a recording of the memory of the node', () => {
  it('reads back as it was, and one that is cut is refused', () => {
    const bench = benchWith([cart, big]);
    const signal = node(500, LOW);
    const decisions = bench.at(0, signal);
    const entry = signalEntry(bench.core, { nowMs: START_MS, signal, redacted: true }, decisions);
    expect(readEntry(JSON.stringify(entry))).toMatchObject({ kind: 'signal', signal });
    const cut = { ...entry, signal: { ...signal, pods: [{ podUid: 'uid-big' }] } };
    expect(() => readEntry(JSON.stringify(cut))).toThrow(/pods.0.usedBytes/);
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
