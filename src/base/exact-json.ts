/** Of JSON with the source text of each value, which the types of TypeScript do not know yet. */
type Revive = (key: string, value: unknown, context: { source?: string }) => unknown;
interface ExactJson {
  parse(text: string, revive: Revive): unknown;
  rawJSON(text: string): unknown;
}

const exact = JSON as unknown as ExactJson;

/**
 * JSON.parse that loses no digit: a number that a double cannot hold as it was written (times in
 * nanoseconds, limits of 2^63) is kept as its text, and JSON.stringify writes it back unchanged.
 * Such a number is for passing on only, not for reckoning. Throws SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? exact.rawJSON(source)
      : value,
  );
}

/** A whole number of any length, given as digits, as a value that JSON.stringify writes exactly. */
export function exactInteger(digits: string | number | bigint): unknown {
  const text = String(digits);
  if (!/^-?(0|[1-9]\d*)$/.test(text)) throw new SyntaxError(`${text} is no whole number`);
  const value = Number(text);
  return String(value) === text ? value : exact.rawJSON(text);
}
