import { expect, it } from '@jest/globals';
import { createRandom, type Random } from '../../../src/base/index.ts';
import { benchOf, event, pod, podChanged } from '../support/bench.ts';

const WITHIN_MS = 10_000;
const REASONS = ['A', 'B', 'C'] as const;
const STREAMS = 300;

interface Seen {
  ms: number;
  reason: string;
}

/** Whether some of what was seen, the last of it too, are the steps in order and in time. */
function isWhole(steps: readonly string[], seen: readonly Seen[]): boolean {
  const last = seen.at(-1);
  if (!last || last.reason !== steps.at(-1)) return false;
  const before = seen.slice(0, -1).filter(({ ms }) => last.ms - ms <= WITHIN_MS);
  const fits = (from: number, step: number): boolean => {
    if (step === steps.length - 1) return true;
    for (let index = from; index < before.length; index++) {
      if (before[index]?.reason === steps[step] && fits(index + 1, step + 1)) return true;
    }
    return false;
  };
  return fits(0, 0);
}

function randomSteps(random: Random): string[] {
  return Array.from({ length: random.integer(2, 5) }, () => pick(random));
}

function pick(random: Random): string {
  return REASONS[random.integer(0, REASONS.length - 1)] ?? 'A';
}

it(`fires exactly when a search through all that was seen finds it, ${STREAMS} random streams`, () => {
  let fired = 0;
  for (let seed = 0; seed < STREAMS; seed++) {
    const random = createRandom(seed);
    const steps = randomSteps(random);
    const written = steps.map((reason) => `{ event: { reason: ${reason} } }`).join(', ');
    const when = `{ sequence: { within: ${WITHIN_MS / 1_000}s, steps: [${written}] } }`;
    const bench = benchOf({ seq: `when: ${when}\ntarget: {}\nlimits: { cooldown: 0s }` });
    bench.at(0, podChanged(pod(), true));
    let seen: Seen[] = [];
    let ms = 0;
    for (let n = 0; n < 60; n++) {
      ms += random.integer(0, 4_000);
      const reason = pick(random);
      seen.push({ ms, reason });
      const decisions = bench.at(ms, event({ reason, message: '' }));
      const expected = isWhole(steps, seen);
      const fires = decisions.some((one) => one.verdict === 'fire');
      expect({ seed, n, steps, fires }).toEqual({ seed, n, steps, fires: expected });
      if (!expected) continue;
      fired++;
      seen = [];
    }
  }
  expect(fired).toBeGreaterThan(STREAMS);
});
