import { describe, expect, it } from '@jest/globals';
import { runAtOnce, runInTurns, type Steps, systemClock } from '../../src/base/index.ts';

/** Three steps, each as long as `work` takes. */
function* threeSteps(work: () => void): Steps<string> {
  for (let step = 0; step < 3; step++) {
    work();
    yield;
  }
  return 'done';
}

/** Longer than steps may hold up the process. */
function workLong(): void {
  const untilMs = systemClock.monotonicMs() + 6;
  while (systemClock.monotonicMs() < untilMs);
}

describe('work in steps', () => {
  it('gives its result at once', () => {
    expect(runAtOnce(threeSteps(() => undefined))).toBe('done');
  });

  it('in turns lets the rest of the process go on after each long step', async () => {
    let turns = 0;
    const others = setInterval(() => turns++, 0);
    expect(await runInTurns(threeSteps(workLong))).toBe('done');
    clearInterval(others);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it('in turns makes no pause when it is short', async () => {
    let turns = 0;
    setImmediate(() => turns++);
    expect(await runInTurns(threeSteps(() => undefined))).toBe('done');
    expect(turns).toBe(0);
  });

  it('fails as the work fails', async () => {
    const steps = threeSteps(() => {
      throw new Error('broken');
    });
    await expect(runInTurns(steps)).rejects.toThrow('broken');
  });
});
