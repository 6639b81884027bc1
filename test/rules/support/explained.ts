import { expect } from '@jest/globals';
import { createWitness, type ExplainQuery, explain } from '../../../src/rules/index.ts';
import { benchOf, START_MS } from './bench.ts';
import type { Situation } from './situations.ts';

/** Explains a situation, and proves that nothing was changed by it. */
export function explained(
  { rule, mode, noSource, signals, at }: Situation,
  query: Partial<ExplainQuery>,
) {
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
