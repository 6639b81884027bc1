import { describe, expect, it } from '@jest/globals';
import { createRandom, type Random } from '../../src/base/index.ts';
import {
  carryState,
  createRulesCore,
  createRulesState,
  quietCounts,
  type RulesCore,
  type RulesState,
  restoreState,
  saveState,
  step,
} from '../../src/rules/index.ts';
import { chance, pick } from './oracle/pick.ts';
import { ruleSetOf, streamOf } from './oracle/run-stream.ts';

/** `FIRST=n` begins with a stream that failed. */
const FIRST = Number(process.env.FIRST ?? 0);
const STREAMS = Number(process.env.STREAMS ?? 150);
const SETS = 12;

/** What a restart makes of the state, with the pods as they are known: what carryState must do. */
function restored(from: RulesCore, to: RulesCore, state: RulesState): RulesState {
  const next = restoreState(to, written(saveState(from, state)));
  for (const [uid, entry] of next.pods.byUid) {
    entry.fact = state.pods.byUid.get(uid)?.fact ?? entry.fact;
  }
  return next;
}

/** A time that is none is null in what is written. */
function written(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The same rules in part, in another order, in another mode, or rules of another set by id. */
function otherCore(random: Random, core: RulesCore, strangers: RulesCore): RulesCore {
  const ids = new Set(core.rules.map(({ id }) => id));
  const kept = core.rules.filter(() => chance(random, 0.7));
  const others = strangers.rules.filter(({ id }) => !ids.has(id) || chance(random, 0.3));
  const taken = new Set(others.map(({ id }) => id));
  const rules = pick(random, [
    core.rules,
    kept,
    [...core.rules].reverse(),
    [...others, ...core.rules.filter(({ id }) => !taken.has(id))],
  ]);
  return createRulesCore(rules, {
    ...core.options,
    mode: pick(random, ['enforce', 'enforce', 'observe'] as const),
  });
}

describe('a state that is carried over to another set of rules', () => {
  it(`is what a restart would make of it, over ${STREAMS} random streams`, () => {
    const sets = Array.from({ length: SETS }, (_, n) => ruleSetOf(n * 10));
    for (let stream = FIRST; stream < FIRST + STREAMS; stream++) {
      const random = createRandom(stream * 13 + 5);
      const set = pick(random, sets);
      let { core } = set;
      let carried = createRulesState();
      let copied = createRulesState();
      for (const [at, { atMs, signal }] of streamOf(stream, set).entries()) {
        const again = `FIRST=${stream}, signal ${at}`;
        if (chance(random, 0.1)) {
          const next = otherCore(random, core, pick(random, sets).core);
          copied = restored(core, next, copied);
          carried = carryState(core, next, carried);
          core = next;
          expect({ again, state: written(saveState(core, carried)) }).toEqual({
            again,
            state: written(saveState(core, copied)),
          });
        }
        const expected = step(core, copied, signal, atMs);
        const { decisions, wakeAtMs } = step(core, carried, signal, atMs);
        expect({ again, decisions: written(decisions), wakeAtMs }).toEqual({
          again,
          decisions: written(expected.decisions),
          wakeAtMs: expected.wakeAtMs,
        });
      }
    }
  });

  it('never counts back what was suppressed quietly', () => {
    for (let stream = 0; stream < 20; stream++) {
      const set = ruleSetOf(stream * 10);
      let state = createRulesState();
      for (const { atMs, signal } of streamOf(stream, set)) {
        state = step(set.core, state, signal, atMs).state;
      }
      const byName = () => quietCounts(state).sort(byRuleAndReason);
      const before = byName();
      state = carryState(set.core, createRulesCore([], set.core.options), state);
      expect(byName()).toEqual(before);
      expect(state.quiet.groups.size).toBe(0);
    }
  });
});

type Count = ReturnType<typeof quietCounts>[number];

function byRuleAndReason(one: Count, other: Count): number {
  return `${one.rule} ${one.reason}` < `${other.rule} ${other.reason}` ? -1 : 1;
}
