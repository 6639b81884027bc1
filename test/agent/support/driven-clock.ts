import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

/**
 * A fake clock that goes on by itself while the test awaits facts, at most some twenty times as
 * fast as the real one. Real sockets, files and threads work beside it; on a machine that is busy
 * it only goes slower, so that no deadline of the agent passes because of that.
 */
export interface DrivenClock extends FakeClock {
  /** How much time passes in a step, from now on; default 20 ms. */
  pace(stepMs: number): void;
  /** No more time passes; resolves when the last step is over. */
  halt(): Promise<void>;
}

const STEP_MS = 20;

export function createDrivenClock(wallMs?: number): DrivenClock {
  const clock = createFakeClock(wallMs);
  let halted = false;
  let stepMs = STEP_MS;
  const drive = async () => {
    while (!halted) {
      await clock.advance(stepMs);
      await sleep(1);
    }
  };
  const driving = drive();
  return {
    ...clock,
    pace(ms) {
      stepMs = ms;
    },
    halt: () => {
      halted = true;
      return driving;
    },
  };
}
