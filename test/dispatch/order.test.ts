import { describe, expect, it } from '@jest/globals';
import type { Trigger } from '../../src/dispatch/index.ts';
import { compareUrgency } from '../../src/dispatch/order.ts';
import type { Decision } from '../../src/rules/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';

/** A trigger of one letter, accepted at a time, with the decisions that joined it. */
function trigger(letter: string, acceptedMs: number, ...joined: Partial<Decision>[]): Trigger {
  const target = targetOf(letter);
  return { id: letter, target, acceptedMs, decisions: joined.map((one) => fireOn(target, one)) };
}

describe('of captures that wait', () => {
  const rows: [situation: string, waiting: Trigger[], order: string][] = [
    ['the older goes first', [trigger('b', 2, {}), trigger('a', 1, {})], 'ab'],
    [
      'the higher priority goes before the older',
      [trigger('a', 1, {}), trigger('b', 2, { priority: 10 }), trigger('c', 0, { priority: -1 })],
      'bac',
    ],
    [
      'an expected death goes before any priority',
      [trigger('a', 1, { priority: 1_000 }), trigger('b', 2, { deathExpectedAtMs: 90 })],
      'ba',
    ],
    [
      'priority decides between two deaths at one moment',
      [
        trigger('a', 1, { deathExpectedAtMs: 90 }),
        trigger('b', 2, { deathExpectedAtMs: 90, priority: 1 }),
        trigger('c', 3, { deathExpectedAtMs: 80 }),
      ],
      'cba',
    ],
    [
      'a decision that joined lifts its trigger',
      [trigger('a', 1, { priority: 5 }), trigger('b', 2, { priority: -5 }, { priority: 7 })],
      'ba',
    ],
  ];
  it.each(rows)('%s', (_, waiting, order) => {
    const ids = [...waiting].sort(compareUrgency).map(({ id }) => id);
    expect(ids.join('')).toBe(order);
  });
});
