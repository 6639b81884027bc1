import { isStillpointError, messageOf } from '../base/index.ts';
import { type Finding, fail, type Line } from './line.ts';
import type { Outside } from './outside.ts';

/** One thing to look at. */
export interface Check {
  readonly name: string;
  readonly timeLimitMs: number;
  run(outside: Outside, signal: AbortSignal): Promise<readonly Line[]>;
}

const TIME_LIMIT_MS = 12_000;

/**
 * A check of two halves: `ask` collects facts and decides nothing, `judge` is pure. What `ask`
 * throws becomes a failing line of its own, so that it catches only what means something here.
 */
export function defineCheck<Facts>(
  name: string,
  ask: (outside: Outside, signal: AbortSignal) => Promise<Facts> | Facts,
  judge: (facts: Facts) => readonly Finding[],
  timeLimitMs = TIME_LIMIT_MS,
): Check {
  return {
    name,
    timeLimitMs,
    async run(outside, signal) {
      const findings = judge(await ask(outside, signal));
      return findings.map((finding) => ({ check: name, ...finding }));
    },
  };
}

/** What became of a question: the answer, or the error that says why there is none. */
export type Answer<T> = { ok: true; value: T } | { ok: false; error: Trouble };

/** An error as a fact. */
export interface Trouble {
  code: string;
  message: string;
  hint: string;
}

/** Turns a rejection with one of our errors into a fact; any other error is a bug and is thrown. */
export async function answerOf<T>(question: Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await question };
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    return { ok: false, error: troubleOf(error) };
  }
}

export function troubleOf(error: unknown): Trouble {
  if (!isStillpointError(error)) {
    const hint = 'Please report it: doctor met an error that it does not know.';
    return { code: 'internal', message: messageOf(error), hint };
  }
  return { code: error.code, message: error.message, hint: error.hint };
}

/** The failing line for trouble that a check has no words of its own for. */
export function failed({ code, message, hint }: Trouble): Finding {
  return fail(code, message, hint);
}
