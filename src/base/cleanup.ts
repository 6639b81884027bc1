/**
 * A stack of things to undo. A start that fails half-way and an orderly stop run the same stack,
 * last in, first out; every step runs even when one before it failed.
 */
export interface Cleanup {
  add(what: string, undo: () => void | Promise<void>): void;
  /** Runs all steps; returns what failed, named, in the order of running. Never throws. */
  run(): Promise<{ what: string; error: unknown }[]>;
}

export function createCleanup(): Cleanup {
  const steps: { what: string; undo: () => void | Promise<void> }[] = [];
  return {
    add(what, undo) {
      steps.push({ what, undo });
    },
    async run() {
      const failed: { what: string; error: unknown }[] = [];
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step.undo();
        } catch (error) {
          failed.push({ what: step.what, error });
        }
      }
      return failed;
    },
  };
}
