import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

/**
 * A fake clock that goes on by itself while the test awaits facts, at most some twenty times as
 * fast as the real one. Real sockets, files and threads work beside it; on a machine that is busy
 * it only goes slower, so that no deadline of the agent passes because of that.
 */
export interface DrivenClock extends FakeClock {
  /** No more time passes; resolves when the last step is over. */
  halt(): Promise<void>;
}

const STEP_MS = 20;

export function createDrivenClock(wallMs?: number): DrivenClock {
  const clock = createFakeClock(wallMs);
  let halted = false;
  const drive = async () => {
    while (!halted) {
      await clock.advance(STEP_MS);
      await sleep(1);
    }
  };
  const driving = drive();
  return {
    ...clock,
    halt: () => {
      halted = true;
      return driving;
    },
  };
}
