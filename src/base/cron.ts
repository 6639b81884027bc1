import { CronTime } from 'cron';
import { StillpointError } from './errors.ts';

/** Longer than any sensible expression; the parser's input is bounded by it. */
const EXPRESSION_CHARS_MAX = 256;

/** How often a next date that does not lie ahead (a clock change) is asked for again. */
const RETRIES_MAX = 180;

/**
 * The next moment after `afterMs` (wall clock, ms) at which `expression` fires in `timeZone` (an
 * IANA name). Five fields, or six with seconds first; presets such as `@daily`. In the hour that a
 * clock change skips it fires right after the gap; in the hour that is repeated a daily time fires
 * once. Throws `bad-input` for an expression or zone that cannot be read or that never fires.
 */
export function nextCronMs(expression: string, timeZone: string, afterMs: number): number {
  const mistake = shapeMistake(expression, timeZone);
  if (mistake !== undefined) throw new StillpointError({ code: 'bad-input', message: mistake });
  const key = `${timeZone} ${expression}`;
  const known = answers.get(key) ?? [];
  const same = known.find((one) => one.afterMs <= afterMs && afterMs < one.nextMs);
  if (same) return same.nextMs;
  const nextMs = computeNextMs(expression, timeZone, afterMs);
  if (answers.size >= LINES_REMEMBERED_MAX) answers.clear();
  answers.set(key, [{ afterMs, nextMs }, ...known.slice(0, 1)]);
  return nextMs;
}

const LINES_REMEMBERED_MAX = 1_000;

interface Answer {
  afterMs: number;
  nextMs: number;
}

/**
 * The last two answers for each line: one holds for every moment up to the date that it names. A
 * date costs half a millisecond, and many rules share a few lines.
 */
const answers = new Map<string, readonly Answer[]>();

function computeNextMs(expression: string, timeZone: string, afterMs: number): number {
  try {
    const time = new CronTime(expression, timeZone);
    for (let retry = 0; retry < RETRIES_MAX; retry++) {
      const from = new Date(afterMs + retry * 60_000);
      const next = time.getNextDateFrom(from, timeZone).toMillis();
      if (next > afterMs) return next;
    }
  } catch (error) {
    throw fromCron(error, expression, timeZone);
  }
  throw new StillpointError({
    code: 'internal',
    message: `cron "${expression}" (${timeZone}): no date after ${new Date(afterMs).toISOString()}`,
  });
}

/**
 * What is wrong with a schedule, as one line for people; undefined when it fires some day. `nowMs`
 * is where the search for a first date begins: an expression can be well-formed and never fire
 * (`0 0 31 2 *`).
 */
export function cronMistake(
  expression: string,
  timeZone: string,
  nowMs: number,
): string | undefined {
  try {
    nextCronMs(expression, timeZone, nowMs);
    return undefined;
  } catch (error) {
    if (error instanceof StillpointError && error.code === 'bad-input') return error.message;
    throw error;
  }
}

function shapeMistake(expression: string, timeZone: string): string | undefined {
  if (expression.length > EXPRESSION_CHARS_MAX) {
    return `cron expression of ${expression.length} characters, at most ${EXPRESSION_CHARS_MAX} are allowed`;
  }
  if (!isTimeZone(timeZone)) {
    return `"${timeZone.slice(0, 64)}" is no time zone: give an IANA name such as UTC or Europe/Berlin`;
  }
  return undefined;
}

const ZONES_KNOWN_MAX = 1_000;

/** Asking the machine costs a tenth of a millisecond, and the same few names come all the time. */
const zonesKnown = new Map<string, boolean>();

/** True for a time zone that the machine's IANA data knows. */
export function isTimeZone(name: string): boolean {
  const known = zonesKnown.get(name);
  if (known !== undefined) return known;
  const found = askForTimeZone(name);
  if (zonesKnown.size >= ZONES_KNOWN_MAX) zonesKnown.clear();
  if (name.length <= EXPRESSION_CHARS_MAX) zonesKnown.set(name, found);
  return found;
}

function askForTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The parser's own errors become ours here; it has one class for all, so its text is kept. */
function fromCron(error: unknown, expression: string, timeZone: string): StillpointError {
  const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const why = text.startsWith('Something went wrong')
    ? 'never fires: no such date in the next 8 years'
    : `cannot be read: ${text}`;
  return new StillpointError({
    code: 'bad-input',
    message: `cron "${expression}" (${timeZone}) ${why}`,
    cause: error,
  });
}
