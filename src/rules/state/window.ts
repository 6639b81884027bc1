/**
 * Counts in a sliding window: pairs of a time and how many happened then, ordered by time. Plain
 * data, so that it can be saved as it is.
 */
export type CountWindow = [atMs: number, count: number][];

/** Adds `count` at `atMs`, which may lie before what is there: news can come late. */
export function addCount(window: CountWindow, atMs: number, count: number): void {
  let index = window.length;
  while (index > 0 && (window[index - 1]?.[0] ?? 0) > atMs) index--;
  const before = window[index - 1];
  if (before && before[0] === atMs) before[1] += count;
  else window.splice(index, 0, [atMs, count]);
}

/**
 * Forgets what is older than the window at `nowMs` and, of the rest, what lies before the newest
 * `enough` counts: it can never matter again. So a window never holds more than `enough` pairs.
 */
export function trimWindow(
  window: CountWindow,
  nowMs: number,
  { withinMs, enough }: { withinMs: number; enough: number },
): void {
  let from = 0;
  while (from < window.length && (window[from]?.[0] ?? 0) <= nowMs - withinMs) from++;
  let newer = 0;
  let index = window.length;
  while (index > from && newer < enough) {
    index--;
    newer += window[index]?.[1] ?? 0;
  }
  window.splice(0, index);
}

/** How many happened in the window; call after trimWindow. */
export function sumWindow(window: CountWindow): number {
  let sum = 0;
  for (const [, count] of window) sum += count;
  return sum;
}

/** Moves every time by `byMs`, for a clock that was set. */
export function shiftWindow(window: CountWindow, byMs: number): void {
  for (const pair of window) pair[0] += byMs;
}
