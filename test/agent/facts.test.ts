import { describe, expect, it } from '@jest/globals';
import { createFacts, type Fact } from '../../src/agent/facts.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { triggerOf } from '../support/outcomes.ts';

const loaded: Fact = { kind: 'rules-loaded', rules: 1, policies: 0, warnings: [] };

describe('facts', () => {
  it('reach all who listen, also when one of them throws', () => {
    const errors: unknown[] = [];
    const facts = createFacts(createFakeClock(), (error) => errors.push(error));
    const heard: string[] = [];
    facts.listen(() => {
      throw new Error('a listener');
    });
    facts.listen(({ kind }) => heard.push(kind));
    facts.tell(loaded);
    expect(heard).toEqual(['rules-loaded']);
    expect(errors).toHaveLength(1);
  });

  it('reach nobody who has stopped listening, even in the middle of a fact', () => {
    const facts = createFacts(createFakeClock(), () => undefined);
    let heard = 0;
    const stop = facts.listen(() => {
      heard++;
      stop();
    });
    facts.tell(loaded);
    facts.tell(loaded);
    expect(heard).toBe(1);
  });

  it('can be awaited by kind and content', async () => {
    const clock = createFakeClock();
    const facts = createFacts(clock, () => undefined);
    const trigger = triggerOf();
    const next = facts.next('capturing', (fact) => fact.trigger.id === 'wanted');
    facts.tell(loaded);
    facts.tell({ kind: 'capturing', trigger });
    facts.tell({ kind: 'capturing', trigger: { ...trigger, id: 'wanted' } });
    expect((await next).trigger.id).toBe('wanted');
    expect(clock.waiting()).toBe(0);
  });

  it('that do not come are named after the time was up', async () => {
    const clock = createFakeClock();
    const facts = createFacts(clock, () => undefined);
    const next = facts.next('swept', undefined, 500);
    const rejected = expect(next).rejects.toThrow('no fact "swept" within 500 ms');
    await clock.advance(500);
    await rejected;
    facts.tell(loaded);
  });
});
