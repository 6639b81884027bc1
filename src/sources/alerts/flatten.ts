import type { AlertValue } from '../../signal/index.ts';

/** What is kept of one payload. Beyond a bound values are cut or left out, and that is counted. */
export const flattenBounds = {
  depthMax: 6,
  fieldsMax: 256,
  nameLengthMax: 256,
  /** One text, in characters. */
  valueLengthMax: 4_096,
  /** All names and texts together, in characters. */
  totalLengthMax: 65_536,
} as const;

/** How many values were cut or left out is told in this field; absent when none was. */
export const LEFT_OUT_FIELD = 'stillpoint.leftOut';

/**
 * A JSON object as one flat list: `{"output_fields": {"container.id": "a"}}` becomes
 * `output_fields.container.id: a`. A list of scalars becomes one text, joined by commas; other
 * lists count from 0 (`list.0.name`). Where two paths give the same name, the first stays.
 */
export function flatten(payload: object): Record<string, AlertValue> {
  const fields = new Map<string, AlertValue>();
  const bag = { fields, length: 0, leftOut: 0 };
  for (const [name, value] of Object.entries(payload)) walk(bag, name, value, 1);
  if (bag.leftOut > 0) fields.set(LEFT_OUT_FIELD, bag.leftOut);
  // fromEntries defines each name as the object's own: `__proto__` is then a name like any other.
  return Object.fromEntries(fields);
}

interface Bag {
  fields: Map<string, AlertValue>;
  length: number;
  leftOut: number;
}

function walk(bag: Bag, name: string, value: unknown, depth: number): void {
  if (bag.fields.size >= flattenBounds.fieldsMax || depth > flattenBounds.depthMax) {
    bag.leftOut++;
    return;
  }
  if (isScalar(value)) {
    put(bag, name, value);
  } else if (Array.isArray(value) && value.every(isScalar)) {
    put(bag, name, value.join(','));
  } else {
    for (const [key, inner] of Object.entries(value as object)) {
      walk(bag, `${name}.${key}`, inner, depth + 1);
    }
  }
}

function put(bag: Bag, name: string, value: AlertValue): void {
  if (bag.fields.has(name)) return;
  let kept = value;
  if (typeof kept === 'string' && kept.length > flattenBounds.valueLengthMax) {
    kept = kept.slice(0, flattenBounds.valueLengthMax);
    bag.leftOut++;
  }
  const length = name.length + (typeof kept === 'string' ? kept.length : 8);
  const fits = bag.length + length <= flattenBounds.totalLengthMax;
  if (!fits || name.length > flattenBounds.nameLengthMax) {
    bag.leftOut++;
    return;
  }
  bag.length += length;
  bag.fields.set(name, kept);
}

function isScalar(value: unknown): value is AlertValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
