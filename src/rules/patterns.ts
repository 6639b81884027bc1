import { RE2JS } from 're2js';
import { messageOf } from '../base/index.ts';

/** The longest pattern that is taken. */
export const PATTERN_CHARS_MAX = 1_000;
/**
 * RE2 programs grow with counted repeats. One of 5,000 steps, written to be slow, took 0.8 s for its
 * first text of 4 KiB; patterns that people write have less than 200.
 */
const PROGRAM_SIZE_MAX = 1_000;
/** How much of a value a pattern looks at, so that no alert can hold up the event loop. */
const VALUE_CHARS_MAX = 65_536;

/** A compiled pattern, or why it cannot be used. */
export type Pattern = { ok: true; test(value: string): boolean } | { ok: false; why: string };

/**
 * Compiles a user's regular expression in RE2 syntax, which runs in time linear in the value.
 * It matches anywhere in the value unless anchored. Never JS RegExp: `^(a+)+$` hangs it.
 */
export function compilePattern(pattern: string, sizeMax = PROGRAM_SIZE_MAX): Pattern {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return { ok: false, why: `is not a regular expression in RE2 syntax: ${messageOf(error)}` };
  }
  const size = compiled.programSize();
  if (size > sizeMax) {
    return { ok: false, why: `is too costly: ${size} steps, at most ${sizeMax}` };
  }
  const literal = LITERAL.exec(pattern);
  const test = literal ? literalTest(literal) : (value: string) => compiled.test(value);
  return { ok: true, test: (value) => test(value.slice(0, VALUE_CHARS_MAX)) };
}

/** Only characters that stand for themselves, perhaps from the beginning on. */
const LITERAL = /^(\^?)([A-Za-z0-9 _:,/@#%&=<>"'-]+)$/;

/** Most patterns are such; a machine of RE2 takes ten times as long for the same answer. */
function literalTest([, anchor, text = '']: RegExpExecArray): (value: string) => boolean {
  return anchor === '^' ? (value) => value.startsWith(text) : (value) => value.includes(text);
}
