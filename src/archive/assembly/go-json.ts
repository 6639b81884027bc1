/**
 * JSON in the very form that Go's encoding/json gives it, so that what we write equals what
 * containerd would have written: no spaces, and `<`, `>`, `&` and the two line separators escaped.
 */
export function encodeGoJson(value: unknown): Buffer {
  const text = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Buffer.from(text);
}
