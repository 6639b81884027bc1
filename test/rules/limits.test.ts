import { describe, expect, it } from '@jest/globals';
import {
  carryState,
  createDenyList,
  createRulesCore,
  type Decision,
  noteFired,
  noteRefused,
  type RulesCore,
  type RulesState,
  restoreState,
  saveState,
} from '../../src/rules/index.ts';
import type { PodFact } from '../../src/signal/index.ts';
import {
  type Bench,
  benchOf,
  brief,
  event,
  id,
  pod,
  podChanged,
  rulesOf,
  running,
  START_MS,
} from './support/bench.ts';

const MINUTE_MS = 60_000;

function ruleWith(limits: string): string {
  return `when: { event: { reason: Unhealthy } }\ntarget: {}\nlimits: ${limits}`;
}

/** Two pods of one Deployment, one of another, one of another namespace; each with two containers. */
const pods: Record<string, PodFact> = {
  a1: podOf('a1', 'shop', 'a'),
  a2: podOf('a2', 'shop', 'a'),
  b1: podOf('b1', 'shop', 'b'),
  p1: podOf('p1', 'pay', 'a'),
};

function podOf(name: string, namespace: string, deployment: string): PodFact {
  const digit = { a1: '1', a2: '2', b1: '3', p1: '4' }[name] ?? '5';
  return pod({
    namespace,
    name,
    uid: `uid-${name}`,
    owner: { kind: 'ReplicaSet', name: `${deployment}-7d9f` },
    topOwner: { kind: 'Deployment', name: deployment },
    containers: ['app', 'web'].map((container) =>
      running(container, { containerId: id(`${digit}${container === 'app' ? 'a' : 'b'}`) }),
    ),
  });
}

function benchWith(limits: string, options: Parameters<typeof benchOf>[1] = {}): Bench {
  const bench = benchOf({ rule: ruleWith(limits) }, options);
  for (const fact of Object.values(pods)) bench.at(0, podChanged(fact, true));
  return bench;
}

/** An Event about one container at a minute; what the rule says of it. */
function say(bench: Bench, minute: number, name: string, container = 'app'): string | undefined {
  return decide(bench, minute, name, container)?.reason;
}

function decide(bench: Bench, minute: number, name: string, container = 'app') {
  const { namespace, uid } = pods[name] ?? pod();
  const signal = event({ namespace, pod: name, podUid: uid, container });
  return bench.at(minute * MINUTE_MS, signal)[0];
}

describe('a budget', () => {
  it('allows its count in any stretch of its length, not in fixed hours', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 2, within: 1h } }');
    expect(say(bench, 50, 'a1')).toBe('fired');
    expect(say(bench, 70, 'a1')).toBe('fired');
    expect(say(bench, 71, 'a1')).toBe('budget');
    expect(say(bench, 109, 'a1')).toBe('budget');
    expect(say(bench, 110, 'a1')).toBe('fired');
    expect(say(bench, 111, 'a1')).toBe('budget');
    expect(say(bench, 130, 'a1')).toBe('fired');
  });

  it('says whose it is, how much, and until when', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 1, within: 1h, per: owner } }');
    expect(decide(bench, 1, 'a1')?.trail).toContainEqual({
      part: 'limits.budget',
      holds: true,
      saw: '1 of 1 within 1h',
    });
    expect(decide(bench, 2, 'a2')).toMatchObject({
      reason: 'budget',
      detail: '1 of 1 within 1h for Deployment shop/a, counted on this node; until 01:01:00Z',
    });
    expect(decide(bench, 3, 'a2')?.trail.at(-1)).toMatchObject({
      part: 'limits.budget',
      holds: false,
    });
  });

  const rows: [per: string, held: string[]][] = [
    ['container', ['a1 app']],
    ['pod', ['a1 app', 'a1 web']],
    ['owner', ['a1 app', 'a1 web', 'a2 app']],
    ['namespace', ['a1 app', 'a1 web', 'a2 app', 'b1 app']],
    ['node', ['a1 app', 'a1 web', 'a2 app', 'b1 app', 'p1 app']],
    ['rule', ['a1 app', 'a1 web', 'a2 app', 'b1 app', 'p1 app']],
  ];
  const others = ['a1 app', 'a1 web', 'a2 app', 'b1 app', 'p1 app'];
  it.each(rows)('per %s holds back %j after one container fired', (per, held) => {
    const found = others.filter((other) => {
      const bench = benchWith(`{ cooldown: 0s, budget: { count: 1, within: 1h, per: ${per} } }`);
      say(bench, 1, 'a1');
      const [name = '', container] = other.split(' ');
      return say(bench, 2, name, container) === 'budget';
    });
    expect(found).toEqual(held);
  });

  it.each(rows)('a cooldown per %s holds back %j', (per, held) => {
    const found = others.filter((other) => {
      const bench = benchWith(`{ cooldown: { for: 1h, per: ${per} } }`);
      say(bench, 1, 'a1');
      const [name = '', container] = other.split(' ');
      return say(bench, 2, name, container) === 'cooldown';
    });
    expect(found).toEqual(held);
  });

  it('counts one rule by itself, also on the whole node', () => {
    const spec = ruleWith('{ cooldown: 0s, budget: { count: 1, within: 1h, per: node } }');
    const bench = benchOf({ one: spec, two: spec });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(1, event()).map(brief)).toEqual([
      'fired one shop/cart/app',
      'fired two shop/cart/app',
    ]);
  });

  it('goes on over a rollout of its owner and a pod reborn under its name', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 1, within: 1h, per: owner } }');
    expect(say(bench, 1, 'a1')).toBe('fired');
    const reborn = { ...podOf('a1', 'shop', 'a'), uid: 'uid-new' };
    bench.at(
      2 * MINUTE_MS,
      podChanged({ ...reborn, owner: { kind: 'ReplicaSet', name: 'a-new' } }),
    );
    const signal = event({ namespace: 'shop', pod: 'a1', podUid: 'uid-new' });
    expect(bench.at(3 * MINUTE_MS, signal)[0]?.reason).toBe('budget');
  });

  it('is counted by the direct owner while nobody knows who stands behind it', () => {
    const bench = benchOf({
      rule: ruleWith('{ cooldown: 0s, budget: { count: 1, within: 1h, per: owner } }'),
    });
    const owner = { kind: 'Job', name: 'nightly-29' };
    bench.at(0, podChanged(pod({ owner }), true));
    expect(bench.at(1, event())[0]).toMatchObject({ reason: 'fired', owner });
    expect(bench.at(2, event())[0]?.detail).toMatch(/for Job shop\/nightly-29,/);
  });

  it('does not get longer when the clock goes back', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 1, within: 10m } }');
    say(bench, 60, 'a1');
    expect(say(bench, 30, 'a1')).toBe('budget');
    expect(say(bench, 39.9, 'a1')).toBe('budget');
    expect(say(bench, 40, 'a1')).toBe('fired');
  });

  it('is over when the clock jumps an hour ahead', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 1, within: 1h } }');
    say(bench, 1, 'a1');
    expect(say(bench, 61, 'a1')).toBe('fired');
  });
});

describe('a budget of a firing that was refused', () => {
  function refuse(bench: Bench, fired: Decision | undefined, minute: number) {
    const target = fired?.target;
    if (!fired || !target) throw new Error('it did not fire');
    const refused = { rule: fired.rule, target, reason: 'disk-low' as const };
    noteRefused(bench.core, bench.state, refused, START_MS + minute * MINUTE_MS);
  }

  it('is given back, once, and only that one', () => {
    const bench = benchWith('{ cooldown: 0s, budget: { count: 2, within: 1h, per: owner } }');
    say(bench, 1, 'a2');
    refuse(bench, decide(bench, 2, 'a1'), 2);
    expect(say(bench, 3, 'a1')).toBe('fired');
    expect(say(bench, 4, 'a1')).toBe('budget');
    expect(say(bench, 61, 'a1')).toBe('fired');
    expect(say(bench, 62, 'a1')).toBe('budget');
  });

  it('is given back also for a reason that lasts, where the cooldown stays', () => {
    const bench = benchWith('{ cooldown: 10m, budget: { count: 1, within: 1h } }');
    const fired = decide(bench, 1, 'a1');
    if (!fired?.target) throw new Error('it did not fire');
    const refused = { rule: 'rule', target: fired.target, reason: 'freeze-too-long' as const };
    noteRefused(bench.core, bench.state, refused, START_MS + MINUTE_MS);
    expect(say(bench, 2, 'a1')).toBe('cooldown');
    expect(say(bench, 11, 'a1')).toBe('fired');
  });
});

describe('the state of budgets', () => {
  const limits = '{ cooldown: 0s, budget: { count: 2, within: 1h, per: owner } }';

  function reload(bench: Bench, core: RulesCore): Bench {
    const state = restoreState(
      core,
      JSON.parse(JSON.stringify(saveState(bench.core, bench.state))),
    );
    return Object.assign(bench, { core, state });
  }

  it('is the same after a restart', () => {
    const bench = benchWith(limits);
    say(bench, 1, 'a1');
    say(bench, 2, 'a1');
    reload(bench, bench.core);
    expect(say(bench, 3, 'a2')).toBe('budget');
    expect(say(bench, 61, 'a2')).toBe('fired');
  });

  it('takes what fired after the last save from the journal, and counts nothing twice', () => {
    const bench = benchWith(limits);
    const first = decide(bench, 1, 'a1');
    const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
    const second = decide(bench, 2, 'a2');
    bench.state = restoreState(bench.core, saved);
    for (const { rule, target, atMs, owner } of [first, second].filter(
      (one) => one !== undefined,
    )) {
      if (target) noteFired(bench.core, bench.state, { rule, target, atMs, owner });
    }
    expect(firings(bench.state)).toEqual([
      [START_MS + MINUTE_MS, 'shop/a1/app'],
      [START_MS + 2 * MINUTE_MS, 'shop/a2/app'],
    ]);
    expect(say(bench, 3, 'a1')).toBe('budget');
  });

  it('knows the owner of a pod that went meanwhile from the decision', () => {
    const bench = benchWith(limits);
    const fired = decide(bench, 1, 'a1');
    if (!fired?.target) throw new Error('it did not fire');
    const fresh = benchOf({ rule: ruleWith(limits) });
    const { rule, target, atMs, owner } = fired;
    noteFired(fresh.core, fresh.state, { rule, target, atMs, owner });
    const keys = [...(fresh.state.budgets.get('rule') ?? [])].map(([key]) => key);
    expect(keys).toEqual(['Deployment shop/a']);
  });

  it('is kept by a reload that changes the count, and goes with the budget', () => {
    const bench = benchWith(limits);
    say(bench, 1, 'a1');
    say(bench, 2, 'a1');
    const options = { nodeName: 'node-1', denyList: createDenyList({}) };
    const more = createRulesCore(rulesOf({ rule: ruleWith(limits.replace('2', '3')) }), options);
    const state = carryState(bench.core, more, bench.state);
    Object.assign(bench, { core: more, state });
    expect(say(bench, 3, 'a2')).toBe('fired');
    expect(say(bench, 4, 'a2')).toBe('budget');
    const none = createRulesCore(rulesOf({ rule: ruleWith('{ cooldown: 0s }') }), options);
    expect(carryState(bench.core, none, bench.state).budgets.size).toBe(0);
  });

  it('comes from a snapshot of before budgets were counted', () => {
    const bench = benchWith(limits);
    const { budgets: _, ...older } = saveState(bench.core, bench.state);
    expect(restoreState(bench.core, JSON.parse(JSON.stringify(older))).budgets.size).toBe(0);
  });

  it('stays bounded however often a rule fires for however many pods', () => {
    const bench = benchOf({
      rule: ruleWith('{ cooldown: 0s, budget: { count: 3, within: 30d } }'),
    });
    for (let turn = 0; turn < 10_050; turn++) {
      const target = { namespace: 'shop', pod: `p${turn}`, podUid: `u${turn}`, container: 'app' };
      for (let again = 0; again < 5; again++) {
        const fired = {
          rule: 'rule',
          target: { ...target, containerId: '' },
          atMs: turn * 10 + again,
        };
        noteFired(bench.core, bench.state, fired);
      }
    }
    const ofRule = bench.state.budgets.get('rule');
    expect(ofRule?.size).toBe(10_000);
    expect(Math.max(...[...(ofRule ?? [])].map(([, one]) => one.length))).toBe(3);
    expect(ofRule?.get('shop/p10049/app')).toBeDefined();
  });
});

describe('limits of the agent for all rules', () => {
  const limits = {
    cooldown: { forMs: 0, per: 'container' },
    budget: { count: 1, withinMs: 3_600_000, per: 'pod' },
  } as const;

  it('hold for a rule that gives none', () => {
    const bench = benchWith('{}', { limits });
    expect(say(bench, 1, 'a1')).toBe('fired');
    expect(say(bench, 2, 'a1', 'web')).toBe('budget');
  });

  it('give way to what the rule says, one by one', () => {
    const bench = benchWith('{ cooldown: 5m }', { limits });
    expect(say(bench, 1, 'a1')).toBe('fired');
    expect(say(bench, 2, 'a1')).toBe('cooldown');
    expect(say(bench, 7, 'a1')).toBe('budget');
    const free = benchWith('{ budget: none }', { limits });
    expect([1, 2, 3].map((minute) => say(free, minute, 'a1'))).toEqual(Array(3).fill('fired'));
  });

  it('are a cooldown of 10 minutes per container where nobody says anything', () => {
    const bench = benchWith('{}');
    expect(say(bench, 1, 'a1')).toBe('fired');
    expect(say(bench, 1, 'a1', 'web')).toBe('fired');
    expect(say(bench, 10.9, 'a1')).toBe('cooldown');
    expect(say(bench, 11, 'a1')).toBe('fired');
  });
});

function firings(state: RulesState) {
  return [...(state.budgets.get('rule') ?? [])].flatMap(([, one]) => one);
}
