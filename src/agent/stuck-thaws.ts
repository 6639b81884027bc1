import { type Clock, createBackoff, type Logger, messageOf, type Random } from '../base/index.ts';
import { type ThawTools, thawAgain } from '../capture/index.ts';
import type { Journal, Trigger } from '../dispatch/index.ts';
import type { Target } from '../signal/index.ts';

export interface StuckThawsOptions extends ThawTools {
  clock: Clock;
  random: Random;
  log: Logger;
  journal: Pick<Journal, 'stuck' | 'noteFacts'>;
}

/** A container that stands still because of us, and that no thaw has helped so far. */
export interface StuckThaw {
  target: Target;
  /** Wall clock: since when this agent knows of it. */
  sinceMs: number;
  /** Thaws that were tried again, each of up to `TRY_MS_MAX`. */
  tries: number;
}

/**
 * Goes on thawing what the check after a capture could not thaw, for as long as the agent runs and
 * in its next lives: the cause (a runtime that hangs, a disk that blocks) may pass.
 */
export interface StuckThaws {
  /** Takes up those that the journal names. Before anything that takes time. Error: `store`. */
  start(): void;
  /** After a check that has just ended as `stuck`. */
  add(trigger: Trigger): void;
  list(): readonly StuckThaw[];
  /** Begins no more tries; resolves when none is under way. */
  stop(): Promise<void>;
}

const WAIT_MS = { minMs: 5_000, maxMs: 300_000 };
/** Longer than the longest time that a state must last before it is acted on. */
const TRY_MS_MAX = 15_000;

export function createStuckThaws(options: StuckThawsOptions): StuckThaws {
  const { clock, random, log, journal } = options;
  const known = new Map<string, StuckThaw>();
  const running = new Set<Promise<void>>();
  const abort = new AbortController();

  const tryOnce = async (trigger: Trigger, one: StuckThaw): Promise<'over' | 'again'> => {
    const { containerId } = trigger.target;
    one.tries++;
    const result = await thawAgain({ ...options, thawMsMax: TRY_MS_MAX }, containerId);
    if (result.end === 'stuck') return 'again';
    known.delete(trigger.id);
    log.warn('thawed-at-last', {
      containerId,
      target: trigger.target,
      tries: one.tries,
      ...result,
    });
    try {
      journal.noteFacts(trigger.id, { stuck: false });
    } catch (error) {
      // The next start looks once more, and finds that it runs.
      log.error('journal-not-written', { trigger: trigger.id, why: messageOf(error) });
    }
    return 'over';
  };

  const begin = (trigger: Trigger, firstWaitMs: number) => {
    if (known.has(trigger.id) || abort.signal.aborted) return;
    const one = { target: trigger.target, sinceMs: clock.wallMs(), tries: 0 };
    known.set(trigger.id, one);
    const backoff = createBackoff({ ...WAIT_MS, random });
    const loop = async () => {
      for (let waitMs = firstWaitMs; ; waitMs = backoff.nextMs()) {
        await clock.sleep(waitMs, abort.signal).catch(() => undefined);
        if (abort.signal.aborted || (await tryOnce(trigger, one)) === 'over') return;
      }
    };
    const work = loop().finally(() => running.delete(work));
    running.add(work);
  };

  return {
    start() {
      for (const { trigger } of journal.stuck()) begin(trigger, 0);
    },
    add: (trigger) => begin(trigger, WAIT_MS.minMs),
    list: () => [...known.values()].map((one) => ({ ...one })),
    async stop() {
      abort.abort();
      await Promise.all(running);
    },
  };
}
