import { describe, expect, it } from '@jest/globals';
import { compareStream, type Difference, type RuleSet, ruleSetOf } from './oracle/run-stream.ts';

/** How many streams; `STREAMS=100000` is the long run, `FIRST=n` begins with one that failed. */
const STREAMS = Number(process.env.STREAMS ?? 1_500);
const FIRST = Number(process.env.FIRST ?? 0);

describe('the indexed core', () => {
  it(`decides as the oracle does, over ${STREAMS} random streams`, () => {
    let set: RuleSet | undefined;
    let decisions = 0;
    for (let stream = FIRST; stream < FIRST + STREAMS; stream++) {
      if (!set || stream % 10 === 0) set = ruleSetOf(stream);
      const compared = compareStream(stream, set);
      decisions += compared.decisions;
      expect(told(compared.difference, set)).toBeUndefined();
    }
    // Streams that decide nothing would prove nothing.
    expect(decisions).toBeGreaterThan(STREAMS);
  }, 3_600_000);
});

function told(difference: Difference | undefined, { plain, options }: RuleSet): string | undefined {
  if (!difference) return undefined;
  const again = `FIRST=${difference.stream} STREAMS=1`;
  const rules = plain.map((rule) => JSON.stringify(rule)).join('\n');
  const seen = JSON.stringify(difference, null, 1);
  return `to run it again: ${again}\n${JSON.stringify(options)}\n${rules}\n${seen}`;
}
