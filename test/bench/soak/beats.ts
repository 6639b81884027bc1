import { messageOf, systemClock } from '../../../src/base/index.ts';

/** Something that is done again and again: first at second `at`, then every `every` seconds. */
export interface Beat {
  name: string;
  every: number;
  at: number;
  /** `turn` counts from 0. */
  run(turn: number): Promise<void> | void;
}

export interface BeatsReport {
  done: number;
  failed: number;
}

/**
 * Runs each beat at its seconds until `seconds` are over, and then waits for those under way. One
 * that fails is told of and counted, and the rest goes on: an hour is not to be lost by one.
 */
export async function runBeats(
  beats: readonly Beat[],
  seconds: number,
  say: (progress: string) => void,
): Promise<BeatsReport> {
  const report = { done: 0, failed: 0 };
  const underWay = new Set<Promise<void>>();
  const startedMs = systemClock.monotonicMs();
  for (let second = 0; second < seconds; second++) {
    const due = beats.filter(({ at, every }) => second >= at && (second - at) % every === 0);
    for (const beat of due) {
      const running = runOne(beat, (second - beat.at) / beat.every, report, say);
      underWay.add(running);
      void running.then(() => underWay.delete(running));
    }
    await systemClock.sleep(startedMs + (second + 1) * 1_000 - systemClock.monotonicMs());
  }
  await Promise.all(underWay);
  return report;
}

async function runOne(
  beat: Beat,
  turn: number,
  report: BeatsReport,
  say: (progress: string) => void,
): Promise<void> {
  try {
    await beat.run(turn);
    report.done++;
  } catch (error) {
    report.failed++;
    say(`soak: ${beat.name}, turn ${turn}: ${messageOf(error)}`);
  }
}
