import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import {
  planRetention,
  type RetentionItem,
  type RetentionPlan,
  type RetentionPolicy,
} from '../../src/retention/index.ts';
import { oracleRemovals, randomItems, randomPolicies } from '../support/retention-oracle.ts';

const NOW = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

type Recorded = Extract<RetentionItem['standing'], { kind: 'recorded' }>;

/** An archive `hours` old, named by its age. */
function item(hours: number, more: Partial<Recorded> = {}, bytes = 100): RetentionItem {
  return {
    name: `${more.pod ?? 'cart'}-${hours}h`,
    bytes,
    createdMs: NOW - hours * HOUR,
    standing: {
      kind: 'recorded',
      retainClass: 'crash',
      namespace: 'shop',
      pod: 'cart',
      container: 'app',
      ...more,
    },
  };
}

function other(hours: number, kind: 'foreign' | 'doubtful' | 'unrecorded'): RetentionItem {
  return { ...item(hours), name: `${kind}-${hours}h`, standing: { kind } };
}

function policy(more: Partial<RetentionPolicy> = {}): RetentionPolicy {
  return {
    name: 'crashes',
    classes: ['crash'],
    groupBy: ['namespace', 'owner', 'container'],
    limits: {},
    minKeep: 1,
    cron: '* * * * *',
    timeZone: 'UTC',
    ...more,
  };
}

function removed(plan: RetentionPlan): string[] {
  return plan.remove.map(
    ({ name, reasons }) => `${name} ${reasons.map(({ code }) => code).join('+')}`,
  );
}

function why(plan: RetentionPlan, name: string): string[] {
  return plan.keep.find((each) => each.name === name)?.reasons.map(({ code }) => code) ?? [];
}

const fiveHours = [5, 4, 3, 2, 1].map((hours) => item(hours));

describe('keep', () => {
  it('last 3 without limits removes all older than the newest three', () => {
    const plan = planRetention(fiveHours, [policy({ keep: { last: 3 } })], NOW);
    expect(removed(plan)).toEqual(['cart-5h not-kept', 'cart-4h not-kept']);
    expect(plan.keep.map(({ name }) => name)).toEqual(['cart-3h', 'cart-2h', 'cart-1h']);
    expect(plan.keep[0]).toMatchObject({ policy: 'crashes', reasons: [{ detail: '3 of 3' }] });
  });

  it('counts in each group', () => {
    const items = [item(1), item(2), item(9, { pod: 'pay' }), item(3), item(8, { pod: 'pay' })];
    const plan = planRetention(items, [policy({ keep: { last: 1 } })], NOW);
    expect(removed(plan)).toEqual(['pay-9h not-kept', 'cart-3h not-kept', 'cart-2h not-kept']);
  });

  it('takes pods of one owner together', () => {
    const owner = { kind: 'ReplicaSet', name: 'cart-7d9f' };
    const items = [item(1, { pod: 'cart-a', owner }), item(2, { pod: 'cart-b', owner })];
    const plan = planRetention(items, [policy({ keep: { last: 1 } })], NOW);
    expect(removed(plan)).toEqual(['cart-b-2h not-kept']);
  });

  it('within keeps the young, minKeep the newest of the old', () => {
    const items = [item(30), item(26), item(3, { pod: 'pay' }), item(25)];
    const plan = planRetention(items, [policy({ keep: { withinMs: 24 * HOUR } })], NOW);
    expect(removed(plan)).toEqual(['cart-30h not-kept', 'cart-26h not-kept']);
    expect(why(plan, 'cart-25h')).toEqual(['min-keep']);
    expect(why(plan, 'pay-3h')).toEqual(['min-keep', 'within']);
  });

  it('one reason is enough', () => {
    const plan = planRetention(fiveHours, [policy({ keep: { last: 1, withinMs: 3 * HOUR } })], NOW);
    expect(removed(plan)).toEqual(['cart-5h not-kept', 'cart-4h not-kept']);
  });
});

describe('limits', () => {
  it('go before keep', () => {
    const limits = { maxAgeMs: 2 * HOUR };
    const plan = planRetention(fiveHours, [policy({ keep: { last: 4 }, limits })], NOW);
    expect(removed(plan)).toEqual([
      'cart-5h not-kept+max-age',
      'cart-4h max-age',
      'cart-3h max-age',
    ]);
    expect(plan.remove[1]?.reasons[0]?.detail).toBe('4h old, at most 2h');
  });

  it('by count remove the oldest of all groups', () => {
    const items = [...fiveHours, item(10, { pod: 'pay' }), item(9, { pod: 'pay' })];
    const plan = planRetention(items, [policy({ limits: { maxCount: 4 } })], NOW);
    expect(removed(plan)).toEqual(['pay-10h max-count', 'cart-5h max-count', 'cart-4h max-count']);
    expect(why(plan, 'cart-3h')).toEqual(['within-limits']);
  });

  it('by bytes remove the oldest until it fits', () => {
    const plan = planRetention(fiveHours, [policy({ limits: { maxBytes: 350 } })], NOW);
    expect(removed(plan)).toEqual(['cart-5h max-bytes', 'cart-4h max-bytes']);
    expect(plan.unmet).toEqual([]);
  });

  it('that cannot be met because the rest is protected are told', () => {
    const items = [item(1, {}, 900), item(2, { pod: 'pay' }, 900)];
    const plan = planRetention(items, [policy({ limits: { maxBytes: 1000, maxCount: 1 } })], NOW);
    expect(removed(plan)).toEqual([]);
    expect(plan.unmet).toEqual([
      { policy: 'crashes', limit: 'max-count', allowed: 1, left: 2 },
      { policy: 'crashes', limit: 'max-bytes', allowed: 1000, left: 1800 },
    ]);
  });

  it('by age never remove what is dated in the future', () => {
    const items = [item(-9), item(-8), item(5), item(4)];
    const plan = planRetention(items, [policy({ limits: { maxAgeMs: HOUR } })], NOW);
    expect(removed(plan)).toEqual(['cart-5h max-age', 'cart-4h max-age']);
  });
});

describe('what is protected', () => {
  it('hold goes before everything, until it expires', () => {
    const hold = (untilMs?: number) => ({ hold: { reason: 'case 7', untilMs } });
    const items = [item(9, hold()), item(8, hold(NOW + 1)), item(7, hold(NOW)), item(6), item(1)];
    const limits = { maxAgeMs: HOUR, maxCount: 1, maxBytes: 1 };
    const plan = planRetention(items, [policy({ keep: { last: 1 }, limits })], NOW);
    expect(removed(plan).map((line) => line.split(' ')[0])).toEqual(['cart-7h', 'cart-6h']);
    expect(why(plan, 'cart-9h')).toEqual(['hold']);
  });

  it('minKeep goes before limits', () => {
    const limits = { maxAgeMs: 1, maxCount: 1, maxBytes: 1 };
    const plan = planRetention(fiveHours, [policy({ minKeep: 2, limits })], NOW);
    expect(plan.keep.map(({ name }) => name)).toEqual(['cart-2h', 'cart-1h']);
  });

  it('minKeep 0 lets the last one go', () => {
    const plan = planRetention([item(5)], [policy({ minKeep: 0, limits: { maxAgeMs: 1 } })], NOW);
    expect(removed(plan)).toEqual(['cart-5h max-age']);
  });

  it('what no policy selects, and what two select', () => {
    const items = [item(5, { retainClass: 'alone' }), item(4)];
    const both = [policy({ minKeep: 0, limits: { maxAgeMs: 1 } }), policy({ name: 'second' })];
    const plan = planRetention(items, both, NOW);
    expect(removed(plan)).toEqual([]);
    expect(why(plan, 'cart-5h')).toEqual(['no-policy']);
    expect(why(plan, 'cart-4h')).toEqual(['two-policies']);
  });

  it.each(['foreign', 'doubtful', 'unrecorded'] as const)('%s archives', (kind) => {
    const strict = policy({ minKeep: 0, limits: { maxAgeMs: 1, maxBytes: 1 } });
    const plan = planRetention([other(99, kind)], [strict], NOW);
    expect(removed(plan)).toEqual([]);
    expect(why(plan, `${kind}-99h`)).toEqual([kind]);
  });

  it('an empty policy removes nothing', () => {
    expect(removed(planRetention(fiveHours, [policy({ minKeep: 0 })], NOW))).toEqual([]);
  });

  it('a clock that gives no number removes nothing by age', () => {
    const strict = policy({ minKeep: 0, limits: { maxAgeMs: 1 } });
    expect(removed(planRetention(fiveHours, [strict], Number.NaN))).toEqual([]);
  });
});

describe('groups', () => {
  it('are never mixed up by names that run into each other', () => {
    const items = [
      item(1, { namespace: 'a-b', container: 'c' }),
      item(2, { namespace: 'a', container: 'b-c' }),
      item(3, { pod: 'x', owner: { kind: 'Pod', name: 'x","y' } }),
    ];
    const plan = planRetention(items, [policy({ keep: { last: 1 } })], NOW);
    expect(removed(plan)).toEqual([]);
  });
});

describe('against a plain oracle', () => {
  it('12,000 made-up nodes give the same removals, in any order of the input', () => {
    const random = createRandom(20_260_601);
    let removals = 0;
    for (let round = 0; round < 12_000; round++) {
      const items = randomItems(random, NOW);
      const policies = randomPolicies(random);
      const before = JSON.stringify({ items, policies });
      const plan = planRetention(items, policies, NOW);
      const names = plan.remove.map(({ name }) => name);
      const expected = oracleRemovals(items, policies, NOW);
      const again = planRetention([...items].reverse(), policies, NOW);
      const both = [...plan.keep, ...plan.remove];
      // One `expect` a round would cost more than the plan itself.
      const isRight =
        JSON.stringify([...names].sort()) === JSON.stringify(expected) &&
        JSON.stringify(again) === JSON.stringify(plan) &&
        JSON.stringify({ items, policies }) === before &&
        both.length === items.length &&
        both.every(({ reasons }) => reasons.length > 0);
      if (!isRight) throw new Error(`round ${round}: ${names}, expected ${expected}: ${before}`);
      removals += names.length;
    }
    expect(removals).toBeGreaterThan(10_000);
  });
});
