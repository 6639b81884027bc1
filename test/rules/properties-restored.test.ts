import { describe, expect, it } from '@jest/globals';
import {
  createRulesState,
  type Decision,
  type RulesState,
  restoreState,
  saveState,
  step,
} from '../../src/rules/index.ts';
import { compareStream, type RuleSet, ruleSetOf, streamOf } from './oracle/run-stream.ts';

/** `FIRST=n` begins with a stream that failed. */
const FIRST = Number(process.env.FIRST ?? 0);
const STREAMS = 60;

function killed(state: RulesState, { core }: RuleSet): RulesState {
  return restoreState(core, JSON.parse(JSON.stringify(saveState(core, state))));
}

/** As a journal writes it: a time that is none is null there. */
function written(decisions: readonly Decision[]): unknown {
  return JSON.parse(JSON.stringify(decisions));
}

describe('an agent that is killed and restored after every signal', () => {
  it(`decides as one that lives on, to the last word, over ${STREAMS} random streams`, () => {
    for (let stream = FIRST; stream < FIRST + STREAMS; stream++) {
      const set = ruleSetOf(stream);
      const alive = createRulesState();
      let restored = createRulesState();
      for (const [at, { atMs, signal }] of streamOf(stream, set).entries()) {
        const expected = step(set.core, alive, signal, atMs).decisions;
        restored = killed(restored, set);
        const { decisions } = step(set.core, restored, signal, atMs);
        const again = `FIRST=${stream}, signal ${at}`;
        expect({ again, decisions: written(decisions) }).toEqual({
          again,
          decisions: written(expected),
        });
      }
    }
  });

  it(`decides as the oracle does, which knows of no kill, over ${STREAMS} others`, () => {
    for (let stream = FIRST + STREAMS; stream < FIRST + 2 * STREAMS; stream++) {
      const { difference } = compareStream(stream, ruleSetOf(stream), killed);
      expect(difference).toBeUndefined();
    }
  });
});
