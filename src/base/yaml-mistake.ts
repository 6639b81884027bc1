import type { ErrorCode } from './error-codes.ts';
import { StillpointError } from './errors.ts';

/** One place in a file. Lines and columns count from 1; line 0 means the file as a whole. */
export interface Place {
  file: string;
  line: number;
  column: number;
  /** The text of that line and how many characters of it are meant; absent on line 0. */
  excerpt?: { text: string; width: number };
}

/** One mistake in a file that people write, with all that helps to correct it. */
export interface Mistake extends Place {
  /** `spec.when.memory.above`; empty for the document as a whole. */
  path: string;
  /** What is wrong, in a sentence that goes on from the path. */
  message: string;
  /** What was written, as JSON, cut to 80 characters. */
  given?: string;
  /** What may be written instead. */
  allowed?: string;
  /** The nearest thing that is allowed. */
  suggestion?: string;
  /** A second place that has to do with it, as in two rules of one name. */
  other?: Place & { note: string };
}

const LINE_CHARS_MAX = 120;
const GIVEN_CHARS_MAX = 80;
/** A key may be as long as a file. */
const PATH_CHARS_MAX = 300;

/**
 * The mistake for people: `file:line:column: path: message`, the offending line underlined, what
 * was given, what is allowed, the nearest right thing. Several lines, no newline at the end.
 */
export function formatMistake(mistake: Mistake): string {
  const path = mistake.path === '' ? '' : `${cut(mistake.path, PATH_CHARS_MAX)}: `;
  const lines = [`${formatPlace(mistake)}: ${path}${mistake.message}`, ...excerptLines(mistake)];
  if (mistake.given !== undefined) lines.push(`  given: ${mistake.given}`);
  if (mistake.allowed !== undefined) lines.push(`  allowed: ${mistake.allowed}`);
  if (mistake.suggestion !== undefined) lines.push(`  did you mean: ${mistake.suggestion}`);
  if (mistake.other) {
    lines.push(`  ${mistake.other.note}: ${formatPlace(mistake.other)}`);
    lines.push(...excerptLines(mistake.other));
  }
  return lines.join('\n');
}

/** `file:line:column`, or the file alone. */
export function formatPlace(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`;
}

/** All mistakes as one error of ours, for callers that have to stop. */
export function mistakesError(code: ErrorCode, mistakes: readonly Mistake[]): StillpointError {
  return new StillpointError({
    code,
    message: mistakes.map(formatMistake).join('\n'),
    details: { mistakes: mistakes.length },
  });
}

/** What was written, short enough for a message; control characters come out escaped. */
export function showGiven(value: unknown): string {
  // JSON knows no .inf and no .nan.
  const isEndless = typeof value === 'number' && !Number.isFinite(value);
  const text = isEndless ? String(value) : (JSON.stringify(value) ?? String(value));
  return cut(text, GIVEN_CHARS_MAX);
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}

/** The candidate that differs least from `text`; undefined when none is near enough to be meant. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const distanceMax = Math.max(1, Math.floor(text.length / 3) + 1);
  if (text.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = distanceMax + 1;
  for (const candidate of candidates) {
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from a to b. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(before, j - 2) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

function excerptLines(place: Place): string[] {
  if (!place.excerpt) return [];
  const number = String(place.line).padStart(4);
  const from = Math.max(0, place.column - 1 - LINE_CHARS_MAX / 2);
  const shown = printable(place.excerpt.text.slice(from, from + LINE_CHARS_MAX));
  const before = place.column - 1 - from;
  const width = Math.max(1, Math.min(place.excerpt.width, shown.length - before));
  return [`${number} | ${shown}`, `${' '.repeat(4)} | ${' '.repeat(before)}${'^'.repeat(width)}`];
}

/** The line may come from a hostile file: nothing in it may steer the terminal. */
function printable(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\t') out += ' ';
    else out += code < 32 || (code >= 127 && code < 160) ? '\ufffd' : char;
  }
  return out;
}
