import { setImmediate as afterImmediates } from 'node:timers/promises';
import { systemClock } from './clock.ts';

/** Work that stops at every `yield`, so that whoever runs it can let others go on in between. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** How long steps may hold up everything else in the process. */
const TURN_MS = 5;

/** All steps without a pause. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** All steps, with a pause for the rest of the process whenever they took 5 ms. */
export async function runInTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const untilMs = systemClock.monotonicMs() + TURN_MS;
    while (systemClock.monotonicMs() < untilMs) {
      const step = steps.next();
      if (step.done) return step.value;
    }
    await nextTurn();
  }
}

/** Lets the rest of the process go on before what follows. */
export async function nextTurn(): Promise<void> {
  await afterImmediates();
}
