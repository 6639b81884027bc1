import { stringify } from 'yaml';
import type { JsonSchema } from '../../src/base/index.ts';

/** One row of a table of fields. */
export interface FieldRow {
  path: string;
  type: string;
  /** `required`, or what holds when the field is left out; empty where that is nothing. */
  fallback: string;
  example: string;
  meaning: string;
}

/** A map that is told of by itself, because it stands in several places. */
export type NamedTypes = Map<string, JsonSchema>;

/** Every field of a map, those inside it after it. Maps with a title go into `named` instead. */
export function fieldRows(map: JsonSchema, named: NamedTypes, prefix = ''): FieldRow[] {
  const required = new Set(map.required ?? []);
  return Object.entries(map.properties ?? {}).flatMap(([key, field]) => {
    const path = `${prefix}${key}`;
    const row = {
      path,
      type: typeOf(field),
      fallback: required.has(key) ? 'required' : fallbackOf(field),
      example: show(exampleOf(field)),
      meaning: field.description ?? '',
    };
    // What `not` holds are the tests beside it.
    if (key === 'not') return [row];
    const inside = rowsInside(field, named, path);
    const isOnlyAMap = inside.length > 0 && row.meaning === '' && row.type === 'map';
    return isOnlyAMap ? inside : [row, ...inside];
  });
}

function rowsInside(field: JsonSchema, named: NamedTypes, path: string): FieldRow[] {
  const options = field.anyOf ?? [field];
  return options.flatMap((option) => {
    const isList = option.type === 'array';
    const map = isList ? (option.items ?? {}) : option;
    if (map.properties === undefined) return [];
    if (map.title === undefined) return fieldRows(map, named, `${path}${isList ? '[]' : ''}.`);
    named.set(map.title, map);
    return [];
  });
}

function typeOf(field: JsonSchema): string {
  if (field.title !== undefined) return field.title;
  if (field.const !== undefined) return show(field.const);
  if (field.enum !== undefined) return field.enum.map(show).join(', ');
  if (field.anyOf !== undefined && field.type === undefined) {
    return field.anyOf.map(typeOf).join(' or ');
  }
  switch (field.type) {
    case 'array':
      return `list of ${typeOf(field.items ?? {})}`;
    case 'object': {
      const { additionalProperties: values } = field;
      return typeof values === 'object' ? `map to ${typeOf(values)}` : 'map';
    }
    case 'integer':
    case 'number': {
      const word = field.type === 'integer' ? 'whole number' : 'number';
      const { minimum, maximum } = field;
      const isOpen = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER;
      if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) return word;
      return isOpen ? `${word}, at least ${minimum}` : `${word}, from ${minimum} to ${maximum}`;
    }
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    default:
      return 'anything';
  }
}

function fallbackOf({ default: value }: JsonSchema): string {
  if (value === undefined || value === '') return '';
  if (Array.isArray(value) && value.length === 0) return '';
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return '';
  return show(value);
}

/** A value that the field takes. */
export function exampleOf(field: JsonSchema): unknown {
  const { examples, enum: allowed, anyOf, default: value } = field;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (field.const !== undefined) return field.const;
  if (allowed !== undefined) return allowed.at(-1);
  if (isTold(value)) return value;
  if (anyOf !== undefined && field.type === undefined) return exampleOf(anyOf[0] ?? {});
  switch (field.type) {
    case 'array': {
      const item = exampleOf(field.items ?? {});
      return item === undefined ? undefined : Array(Number(field.minItems ?? 1)).fill(item);
    }
    case 'integer':
    case 'number':
      return typeof field.minimum === 'number' && field.minimum > 3 ? field.minimum : 3;
    case 'boolean':
      return true;
    case 'object':
      return exampleMap(field);
    default:
      return undefined;
  }
}

/** What is required, or one of the keys; of a map with keys of one's own one pair. */
function exampleMap(field: JsonSchema): unknown {
  const { properties, required = [], additionalProperties: values } = field;
  if (properties === undefined) {
    return typeof values === 'object' ? { team: exampleOf(values) ?? 'payments' } : undefined;
  }
  const least = Math.max(1, Number(field.minProperties ?? 0));
  const others = Object.keys(properties).filter((key) => !required.includes(key));
  const keys = [...required, ...others.slice(0, Math.max(0, least - required.length))];
  return Object.fromEntries(keys.map((key) => [key, exampleOf(properties[key] ?? {})]));
}

function isTold(value: unknown): boolean {
  if (value === undefined || value === '') return false;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

function show(value: unknown): string {
  if (value === undefined) return '';
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  return `\`${text}\``;
}

/** A table in Markdown. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
