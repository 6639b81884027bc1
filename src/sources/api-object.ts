/** Careful looks into an object of the API: whatever is missing or of a wrong type is absent. */

export type ApiObject = Readonly<Record<string, unknown>>;

export function objectAt(value: unknown, key: string): ApiObject | undefined {
  const found = (value as ApiObject | null | undefined)?.[key];
  return isObject(found) ? found : undefined;
}

export function objectsAt(value: unknown, key: string): ApiObject[] {
  const found = (value as ApiObject | null | undefined)?.[key];
  return Array.isArray(found) ? found.filter(isObject) : [];
}

export function textAt(value: unknown, key: string): string | undefined {
  const found = (value as ApiObject | null | undefined)?.[key];
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: unknown, key: string): number | undefined {
  const found = (value as ApiObject | null | undefined)?.[key];
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** A map of text to text (labels, annotations); other values are left out. */
export function textsAt(value: unknown, key: string): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(objectAt(value, key) ?? {})) {
    if (typeof text === 'string') texts[name] = text;
  }
  return texts;
}

/** An RFC 3339 time as ms since 1970. */
export function timeAt(value: unknown, key: string): number | undefined {
  const ms = Date.parse(textAt(value, key) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function isObject(value: unknown): value is ApiObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
