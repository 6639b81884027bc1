import { nextTurn, runInTurns, type Steps } from '../base/index.ts';

export interface RenewalOptions {
  /** Works something out from what is known now; what it gives back puts it in force. */
  steps(): Steps<() => void>;
  /** What the work rests on: with another one it is begun anew. */
  ground(): unknown;
  onMistake(error: unknown): void;
}

/**
 * Work that follows every change of what it is worked out from: one at a time, in turns, so that it
 * holds up nothing else, and again when something changed meanwhile.
 */
export interface Renewal {
  /** Something changed. Changes that come together are one. */
  ask(): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /** Puts nothing in force from here on. */
  stop(): void;
}

export function createRenewal({ steps, ground, onMistake }: RenewalOptions): Renewal {
  let isDue = false;
  let stopped = false;
  let underWay: Promise<void> | undefined;

  const renew = async () => {
    // Whoever changes something is let finish first: perhaps it changes more, or has worked long.
    await nextTurn();
    while (isDue && !stopped) {
      isDue = false;
      const begun = ground();
      const isOld = () => stopped || ground() !== begun;
      const putInForce = await runInTurns(unless(isOld, steps()));
      if (putInForce && !isOld()) putInForce();
    }
  };

  return {
    ask() {
      isDue = true;
      underWay ??= renew()
        .catch(onMistake)
        .finally(() => {
          underWay = undefined;
        });
    },
    settled: async () => underWay,
    stop() {
      stopped = true;
    },
  };
}

/** The steps, given up as soon as the condition holds. */
function* unless<T>(isOver: () => boolean, steps: Steps<T>): Steps<T | undefined> {
  for (;;) {
    if (isOver()) return undefined;
    const step = steps.next();
    if (step.done) return step.value;
    yield;
  }
}
