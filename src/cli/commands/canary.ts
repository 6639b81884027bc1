import type { Command } from 'commander';
import { systemClock } from '../../base/index.ts';
import { untilSignal } from '../signals.ts';

/** Longer than doctor lets its pod live. */
const LIFE_MS_MAX = 3_600_000;

/** `stillpoint canary`: what runs in the pod that `doctor --canary` captures. Not for people. */
export function addCanaryCommand(program: Command): void {
  program
    .command('canary', { hidden: true })
    .description('do nothing until a signal comes, at most for an hour')
    .action(async () => {
      const ended = new AbortController();
      void untilSignal().then(() => ended.abort());
      try {
        await systemClock.sleep(LIFE_MS_MAX, ended.signal);
      } catch (reason) {
        if (!ended.signal.aborted) throw reason;
      }
    });
}
