import { type AlertValue, alertFields } from '../../signal/index.ts';

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

/**
 * A JSON object as one flat list: `{"output_fields": {"container.id": "a"}}` becomes
 * `output_fields.container.id: a`. A list of scalars becomes one text, joined by commas; other
 * lists count from 0 (`list.0.name`). Where two paths give the same name, the first stays. How
 * many values were cut or left out stands in `alertFields.leftOut`; a value that is beyond the
 * bounds counts once, with all that is in it.
 */
export function flatten(payload: object): Record<string, AlertValue> {
  const fields = new Map<string, AlertValue>();
  const bag = { fields, length: 0, leftOut: 0 };
  walkInto(bag, '', payload, 1);
  if (bag.leftOut > 0) fields.set(alertFields.leftOut, bag.leftOut);
  // fromEntries defines each name as the object's own: `__proto__` is then a name like any other.
  return Object.fromEntries(fields);
}

interface Bag {
  fields: Map<string, AlertValue>;
  length: number;
  leftOut: number;
}

function walkInto(bag: Bag, prefix: string, parent: object, depth: number): void {
  const keys = Object.keys(parent);
  for (const [index, key] of keys.entries()) {
    if (bag.fields.size >= flattenBounds.fieldsMax) {
      bag.leftOut += keys.length - index;
      return;
    }
    const value = (parent as Record<string, unknown>)[key];
    if (value !== undefined) walk(bag, prefix + key, value, depth);
  }
}

function walk(bag: Bag, name: string, value: unknown, depth: number): void {
  if (depth > flattenBounds.depthMax || name.length > flattenBounds.nameLengthMax) {
    bag.leftOut++;
  } else if (isScalar(value)) {
    put(bag, name, value);
  } else if (Array.isArray(value) && value.every(isScalar)) {
    put(bag, name, value.join(','));
  } else {
    walkInto(bag, `${name}.`, value as object, depth + 1);
  }
}

function put(bag: Bag, name: string, value: AlertValue): void {
  if (bag.fields.has(name)) return;
  let kept = value;
  if (typeof kept === 'string' && kept.length > flattenBounds.valueLengthMax) {
    kept = kept.slice(0, flattenBounds.valueLengthMax);
    bag.leftOut++;
  }
  // JSON may hold a number that no double can, and has no word for infinity.
  if (typeof kept === 'number' && !Number.isFinite(kept)) kept = String(kept);
  const length = name.length + (typeof kept === 'string' ? kept.length : 8);
  if (bag.length + length > flattenBounds.totalLengthMax) {
    bag.leftOut++;
    return;
  }
  bag.length += length;
  bag.fields.set(name, kept);
}

function isScalar(value: unknown): value is AlertValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
