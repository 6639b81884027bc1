import { beforeAll, describe, expect, it } from '@jest/globals';
import { createWitness, type ExplainQuery, explain, prepareWhere } from '../../src/rules/index.ts';
import { benchOf, START_MS } from './support/bench.ts';
import { type Situation, situations } from './support/situations.ts';

beforeAll(prepareWhere);

function explained({ rule, mode, noSource, signals, at }: Situation, query: Partial<ExplainQuery>) {
  const bench = benchOf({ it: rule }, { mode });
  const witness = createWitness();
  for (const [ms, signal] of signals) {
    const decisions = bench.at(ms, { ...signal, seenMs: START_MS + ms });
    witness.signal({ ...signal, seenMs: START_MS + ms });
    for (const decision of decisions) witness.decision(decision);
  }
  const before = JSON.stringify(
    [...bench.state.pods.byUid.values()].map(({ memos }) => [...memos]),
  );
  const found = explain(
    {
      core: bench.core,
      state: bench.state,
      witness,
      nowMs: START_MS + at,
      ...(noSource === undefined ? {} : { noSource: new Map([['it', noSource]]) }),
    },
    { namespace: 'shop', pod: 'cart', container: 'app', ...query },
  );
  const after = JSON.stringify([...bench.state.pods.byUid.values()].map(({ memos }) => [...memos]));
  expect(after).toBe(before);
  return found;
}

describe('an explanation', () => {
  it.each(Object.entries(situations))('names the true reason for %s', (_, situation) => {
    const [one] = explained(situation, {});
    const [rule] = one?.rules ?? [];
    expect([rule?.answer, rule?.detail]).toEqual([
      situation.answer,
      typeof situation.detail === 'string'
        ? situation.detail
        : expect.stringMatching(situation.detail),
    ]);
    if (situation.answer !== 'no-signal') expect(rule?.trail).not.toEqual([]);
  });

  it('tells the container, and its last decision with the trail', () => {
    const situation = situations['a cooldown that held back the last signal'];
    if (!situation) throw new Error('no situation');
    const [one] = explained(situation, {});
    expect(one).toMatchObject({
      container: 'app',
      state: 'running since 00:00:00Z, restarted 0 times',
      rules: [
        {
          rule: 'it',
          kind: 'event',
          mode: 'enforce',
          last: { reason: 'cooldown', detail: 'until 00:10:00Z' },
        },
      ],
    });
    expect(one?.rules[0]?.last?.trail.at(-1)).toMatchObject({ holds: false });
  });

  it.each<[Partial<ExplainQuery>, RegExp]>([
    [{ pod: 'crt' }, /no pod shop\/crt on this node; did you mean shop\/cart\?/],
    [{ container: 'web' }, /has no container web; it has app/],
    [{ rule: 'if' }, /no rule if; did you mean it\?/],
  ])('says what is not there: %p', (query, message) => {
    const situation = situations['no signal yet'];
    if (!situation) throw new Error('no situation');
    expect(() => explained(situation, query)).toThrow(message);
  });
});
