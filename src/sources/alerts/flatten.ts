import { type AlertValue, alertFields } from '../../signal/index.ts';

/** What is kept of one payload. Beyond a bound values are cut or left out, and that is counted. */
export const flattenBounds = {
  depthMax: 6,
  fieldsMax: 256,
  /** Values that are looked at, with objects and lists that hold nothing. */
  visitsMax: 4_096,
  /** Entries of a list of plain values. */
  entriesMax: 256,
  nameLengthMax: 256,
  /** One text, in characters. */
  valueLengthMax: 4_096,
  /** All names and texts together, in characters. */
  totalLengthMax: 65_536,
} as const;

/**
 * JSON objects as one flat list: `{"output_fields": {"container.id": "a"}}` becomes
 * `output_fields.container.id: a`. A list of scalars becomes one text, joined by commas; other
 * lists count from 0 (`list.0.name`). Where two paths give the same name, the first stays. How
 * many values were cut or left out stands in `alertFields.leftOut`; a value that is beyond the
 * bounds counts once, with all that is in it.
 */
export function flatten(...payloads: readonly object[]): Record<string, AlertValue> {
  const fields = new Map<string, AlertValue>();
  const bag = { fields, visits: 0, length: 0, leftOut: 0 };
  for (const payload of payloads) walkInto(bag, '', payload, 1);
  if (bag.leftOut > 0) fields.set(alertFields.leftOut, bag.leftOut);
  // fromEntries defines each name as the object's own: `__proto__` is then a name like any other.
  return Object.fromEntries(fields);
}

interface Bag {
  fields: Map<string, AlertValue>;
  visits: number;
  length: number;
  leftOut: number;
}

function walkInto(bag: Bag, prefix: string, parent: object, depth: number): void {
  // The keys of a list are made only as far as they are needed: it may have a million.
  const keys = Array.isArray(parent) ? undefined : Object.keys(parent);
  const count = keys?.length ?? (parent as unknown[]).length;
  for (let index = 0; index < count; index++) {
    if (bag.fields.size >= flattenBounds.fieldsMax || bag.visits >= flattenBounds.visitsMax) {
      bag.leftOut += count - index;
      return;
    }
    bag.visits++;
    const key = keys?.[index] ?? String(index);
    const value = (parent as Record<string, unknown>)[key];
    if (value !== undefined) walk(bag, prefix + key, value, depth);
  }
}

function walk(bag: Bag, name: string, value: unknown, depth: number): void {
  if (depth > flattenBounds.depthMax || name.length > flattenBounds.nameLengthMax) {
    bag.leftOut++;
  } else if (isScalar(value)) {
    put(bag, name, value);
  } else if (Array.isArray(value)) {
    walkList(bag, name, value, depth);
  } else {
    walkInto(bag, `${name}.`, value as object, depth + 1);
  }
}

function walkList(bag: Bag, name: string, list: readonly unknown[], depth: number): void {
  const head = list.slice(0, flattenBounds.entriesMax);
  if (!head.every(isScalar)) {
    walkInto(bag, `${name}.`, list, depth + 1);
    return;
  }
  bag.leftOut += list.length - head.length;
  put(bag, name, head.join(','));
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
  if (value === null) return true;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
