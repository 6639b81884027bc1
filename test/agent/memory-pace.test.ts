import { afterEach, describe, expect, it } from '@jest/globals';
import { createRandom, type Random } from '../../src/base/index.ts';
import { type MemoryCondition, sensitivityOf } from '../../src/rules/sensitivity.ts';
import type { MemorySignal } from '../../src/signal/index.ts';
import type { MemoryWatch } from '../../src/sources/memory/index.ts';
import { container, type Harness, MIB, startHarness, watchOf } from '../sources/memory/harness.ts';

/** `FIRST=n` begins with a curve that failed. */
const FIRST = Number(process.env.FIRST ?? 0);
const CURVES = Number(process.env.CURVES ?? 32);
/** So many containers share a clock and a source; 32 are sampled fast at most. */
const AT_ONCE = 16;
const LIMIT = 1_000 * MIB;
const CURVE_MS = 6_000;
const CALM_MS = 100;
const NEAR_MS = 5;
const STEP_MS = 5;
/** What fills less than its whole limit a second is near before it crosses. */
const SLOW_PER_SECOND = 0.95;
/** A share that use has been above for a second, and fell by less than this below, is at rest. */
const REST_RATIO = 0.02;

let running: Harness | undefined;
afterEach(async () => {
  await running?.dispose();
  running = undefined;
});

function randomConditions(random: Random): MemoryCondition[] {
  return Array.from({ length: random.integer(1, 6) }, () => {
    const above = random.integer(300, 990) / 1_000;
    const isAgain = random.next() < 0.3;
    return { above, ...(isAgain && { rearmBelow: above * (0.5 + random.next() * 0.49) }) };
  });
}

/** Use at each step, from one random level to the next, no faster than slow, with rests. */
function randomCurve(random: Random): number[] {
  let used = random.next() * 0.6;
  let [target, perStep] = [used, 0];
  return Array.from({ length: CURVE_MS / STEP_MS }, (_, step) => {
    if ((step * STEP_MS) % 400 === 0) {
      target = random.next() < 0.3 ? used : random.next();
      perStep = (random.next() * SLOW_PER_SECOND * STEP_MS) / 1_000;
    }
    used += Math.max(-perStep, Math.min(perStep, target - used));
    return used;
  });
}

interface Crossing {
  atMs: number;
  /** When it must have been told, unless use fell below again before. */
  untilMs: number;
  fallMs: number;
}

function crossingsOf(curve: readonly number[], { above, rearmBelow = 0 }: MemoryCondition) {
  const leaveRatio = Math.max(rearmBelow, above - REST_RATIO);
  const found: Crossing[] = [];
  let firstMs = (curve[0] ?? 0) >= above ? 0 : undefined;
  let belowMs = 0;
  for (const [step, used] of curve.entries()) {
    const atMs = step * STEP_MS;
    // What is gone again before a calm look comes by may go unseen.
    belowMs = used < leaveRatio ? belowMs + STEP_MS : 0;
    if (belowMs > CALM_MS + 2 * STEP_MS) firstMs = undefined;
    if (step === 0 || used < above || (curve[step - 1] ?? 0) >= above) continue;
    const isResting = firstMs !== undefined && atMs - firstMs >= 1_000;
    firstMs ??= atMs;
    const fall = curve.findIndex((later, at) => at > step && later < above);
    const fallMs = fall < 0 ? Number.POSITIVE_INFINITY : fall * STEP_MS;
    found.push({ atMs, untilMs: atMs + (isResting ? CALM_MS : NEAR_MS), fallMs });
  }
  return found;
}

interface Run {
  name: string;
  conditions: MemoryCondition[];
  curve: readonly number[];
  path: string;
  watch: MemoryWatch;
}

function randomRun(run: number): Run {
  const random = createRandom(run * 31 + 1);
  const conditions = randomConditions(random);
  const n = (run % AT_ONCE) + 1;
  const watch = { ...watchOf(n), ...sensitivityOf(conditions) };
  const curve = randomCurve(random);
  return { name: `FIRST=${run}`, conditions, curve, path: container(n).path, watch };
}

/** Brings all their curves about, a change midway between two looks; gives what was told when. */
async function drive(runs: readonly Run[]): Promise<MemorySignal[]> {
  await running?.dispose();
  const harness = await startHarness();
  running = harness;
  const { fake, clock, source, signals } = harness;
  const beganMs = clock.wallMs();
  const set = (step: number) => {
    for (const { path, curve } of runs) {
      const [used = 0, before] = [curve[step], curve[step - 1]];
      if (used === before) continue;
      fake.memory(path, { usage: Math.ceil(used * LIMIT), limit: LIMIT });
    }
  };
  set(0);
  source.watch(runs.map(({ watch }) => watch));
  await clock.advance(STEP_MS / 2);
  for (let step = 1; step < CURVE_MS / STEP_MS; step++) {
    await clock.advance(STEP_MS / 2);
    set(step);
    await clock.advance(STEP_MS / 2);
  }
  return signals.map((signal) => ({ ...signal, seenMs: signal.seenMs - beganMs }));
}

describe('a share that any of several rules waits for', () => {
  it(
    `is told within 5 ms of a crossing, over ${CURVES} random rule sets and curves`,
    async () => {
      const checked = { soon: 0, resting: 0 };
      for (let run = FIRST; run < FIRST + CURVES; run += AT_ONCE) {
        const runs = Array.from({ length: AT_ONCE }, (_, n) => randomRun(run + n));
        const signals = await drive(runs);
        for (const { name, conditions, curve, watch } of runs) {
          const own = signals.filter(
            ({ target }) => target.containerId === watch.target.containerId,
          );
          for (const one of conditions) {
            for (const { atMs, untilMs, fallMs } of crossingsOf(curve, one)) {
              // The first looks only learn how it grows; the last may not have come yet.
              if (atMs < 2 * CALM_MS || untilMs >= CURVE_MS - NEAR_MS || fallMs <= untilMs)
                continue;
              const told = own.find(
                ({ seenMs, usedRatio }) => seenMs > atMs && usedRatio >= one.above,
              );
              const isLate = (told?.seenMs ?? Number.POSITIVE_INFINITY) > untilMs + STEP_MS / 2;
              const what = { name, one, atMs, untilMs };
              expect({ ...what, toldMs: isLate ? told?.seenMs : 'in time' }).toEqual({
                ...what,
                toldMs: 'in time',
              });
              checked[untilMs - atMs === NEAR_MS ? 'soon' : 'resting']++;
            }
          }
        }
      }
      expect(checked.soon).toBeGreaterThan(CURVES / 2);
      expect(checked.resting).toBeGreaterThan(0);
    },
    60_000 + CURVES * 1_000,
  );
});
