import { StillpointError } from '../base/index.ts';

/** What is about to be frozen, and how it is thawed by whoever survives. */
export interface PauseIntent {
  containerId: string;
  /** `task`: Tasks.Pause, undone by Tasks.Resume. `freezer`: the cgroup file, undone by the file. */
  via: 'task' | 'freezer';
  cgroupVersion: 1 | 2;
  /** Absolute. Needed for `freezer`; for `task` it lets the guard see what is true. */
  freezerDirectory?: string;
}

/** An intent with the number that its agent gave it; numbers never repeat within one agent. */
export interface NumberedIntent {
  n: number;
  intent: PauseIntent;
}

/** One agent pauses one container at a time; this leaves room and bounds what is sent and kept. */
export const INTENTS_MAX = 32;

const PATH_CHARS_MAX = 1024;

/** Reads what came from outside. Error: `bad-input`, which names the field. */
export function readNumberedIntent(value: unknown): NumberedIntent {
  const { n, intent } = fieldsOf(value, 'protection');
  return { n: readNumber(n), intent: readIntent(intent) };
}

/** The number of an intent. Error: `bad-input`. */
export function readNumber(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw badField('n', value, 'a whole number above 0');
}

function readIntent(value: unknown): PauseIntent {
  const { containerId, via, cgroupVersion, freezerDirectory } = fieldsOf(value, 'intent');
  if (typeof containerId !== 'string' || !/^[\w.-]{1,128}$/.test(containerId)) {
    throw badField('containerId', containerId, 'the id of a container');
  }
  if (via !== 'task' && via !== 'freezer') throw badField('via', via, "'task' or 'freezer'");
  if (cgroupVersion !== 1 && cgroupVersion !== 2) {
    throw badField('cgroupVersion', cgroupVersion, '1 or 2');
  }
  if (freezerDirectory === undefined && via === 'task') return { containerId, via, cgroupVersion };
  if (!isAbsolutePath(freezerDirectory)) {
    throw badField('freezerDirectory', freezerDirectory, 'an absolute path');
  }
  return { containerId, via, cgroupVersion, freezerDirectory };
}

function isAbsolutePath(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.startsWith('/') &&
    value.length <= PATH_CHARS_MAX &&
    !value.includes('\0')
  );
}

/** The fields of an object; of anything else an error. */
export function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw badField(what, value, 'an object');
}

/** The text of a short field. Error: `bad-input`. */
export function readText(value: unknown, field: string, charsMax: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= charsMax) return value;
  throw badField(field, value, `a text of 1 to ${charsMax} characters`);
}

export function badField(field: string, given: unknown, allowed: string): StillpointError {
  const shown = (JSON.stringify(given) ?? 'nothing').slice(0, 100);
  return new StillpointError({
    code: 'bad-input',
    message: `guard socket: ${field} is ${shown}; allowed: ${allowed}`,
  });
}
