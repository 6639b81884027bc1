import { beforeAll, describe, expect, it } from '@jest/globals';
import { type ExplainQuery, prepareWhere } from '../../src/rules/index.ts';
import { explained } from './support/explained.ts';
import { situations } from './support/situations.ts';
import { situationsOfKinds } from './support/situations-of-kinds.ts';

beforeAll(prepareWhere);

describe('an explanation', () => {
  it.each(Object.entries({ ...situations, ...situationsOfKinds }))(
    'names the true reason for %s',
    (_, situation) => {
      const [one] = explained(situation, {});
      const [rule] = one?.rules ?? [];
      expect([rule?.answer, rule?.detail]).toEqual([
        situation.answer,
        typeof situation.detail === 'string'
          ? situation.detail
          : expect.stringMatching(situation.detail),
      ]);
      if (situation.answer !== 'no-signal') expect(rule?.trail).not.toEqual([]);
    },
  );

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
