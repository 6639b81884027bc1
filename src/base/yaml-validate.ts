import type * as z from 'zod';
import * as core from 'zod/v4/core';
import { mistakeAt, type PathPart, showPath, type YamlDocument } from './yaml-documents.ts';
import { type Mistake, nearest, showGiven } from './yaml-mistake.ts';

/** Zod's own words for a value that fits nothing of a union. */
const ANY_UNION = 'Invalid input';
/** How many unknown keys of one map are told. */
const UNKNOWN_KEYS_MAX = 20;

/** A document that fits its schema, or all that is wrong with it. */
export type Validated<T> = { ok: true; value: T } | { ok: false; mistakes: Mistake[] };

/**
 * Checks a document against a schema of strict objects. Every issue becomes a mistake with its
 * place; unknown keys come with the keys that are allowed there and the nearest of them. A
 * custom issue of the schema may carry `params: { allowed, suggestion, at: 'key' }`.
 */
export function validateDocument<T>(document: YamlDocument, schema: z.ZodType<T>): Validated<T> {
  const result = schema.safeParse(document.value, { error: wording });
  if (result.success) return { ok: true, value: result.data };
  const mistakes: Mistake[] = [];
  for (const issue of result.error.issues) {
    if (isEcho(issue, result.error.issues)) continue;
    collect({ document, schema, issue, base: [] }, mistakes);
  }
  mistakes.sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, mistakes };
}

/** An issue that another one at the same place says better. */
function isEcho(issue: core.$ZodIssue, all: readonly core.$ZodIssue[]): boolean {
  const place = showPath(issue.path.map(toPart));
  const others = all.filter((one) => one !== issue && showPath(one.path.map(toPart)) === place);
  // "Needs one of these keys" beside the very key that was written instead.
  if (issue.code === 'custom' && issue.params?.at === 'key') {
    return others.some(({ code }) => code === 'unrecognized_keys');
  }
  // An empty text has no form either.
  const isEmpty = (one: core.$ZodIssue) => one.code === 'too_small' && one.origin === 'string';
  if (issue.code === 'custom' && others.some(isEmpty)) return true;
  // Every whole number has zod's own bound beside the one that was meant.
  const isOwnBound = issue.code === 'too_big' && issue.maximum === Number.MAX_SAFE_INTEGER;
  return isOwnBound && others.some(({ code }) => code === 'too_big');
}

interface Issue {
  document: YamlDocument;
  schema: core.$ZodType;
  issue: core.$ZodIssue;
  /** Where the path of the issue starts: inside a union it is relative. */
  base: readonly PathPart[];
}

function collect({ document, schema, issue, base }: Issue, mistakes: Mistake[]): void {
  const path = [...base, ...issue.path.map(toPart)];
  const value = valueAt(document.value, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      mistakes.push(...unknownKeys(document, path, issue.keys, keysAt(schema, path)));
      return;
    case 'invalid_union':
      collectUnion({ document, schema, base }, issue, mistakes);
      return;
    case 'invalid_value':
      mistakes.push(choice(document, path, value, issue.values.map(String)));
      return;
    case 'custom': {
      const { allowed, suggestion, at } = customParams(issue.params);
      mistakes.push(
        mistakeAt(
          document,
          path,
          { message: issue.message, ...givenOf(value), allowed, suggestion },
          at,
        ),
      );
      return;
    }
    default: {
      const isBare = typeof value === 'number' || typeof value === 'boolean';
      // YAML reads `true` and `10` as no text; in quotes they are.
      const wantsQuotes = isBare && schemasAt(schema, path).some(isPlainText);
      const suggestion = wantsQuotes ? JSON.stringify(String(value)) : undefined;
      const what = { message: issue.message, ...givenOf(value), suggestion };
      mistakes.push(mistakeAt(document, path, what));
    }
  }
}

function collectUnion(
  { document, schema, base }: Omit<Issue, 'issue'>,
  issue: core.$ZodIssueInvalidUnion,
  mistakes: Mistake[],
): void {
  const path = [...base, ...issue.path.map(toPart)];
  const value = valueAt(document.value, path);
  if (issue.discriminator !== undefined) {
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    mistakes.push(choice(document, path, value, options.map(String)));
    return;
  }
  const branch = meantBranch(issue.errors);
  for (const inner of branch ?? []) {
    collect({ document, schema, issue: inner, base: path }, mistakes);
  }
  if (branch) return;
  const types = issue.errors.flatMap(([first]) =>
    first?.code === 'invalid_type' ? [typeName(first.expected)] : [],
  );
  const isOwn = issue.message !== ANY_UNION;
  const message = `${isOwn ? issue.message : `must be ${types.join(' or ')}`}, but is ${typeOf(value)}`;
  mistakes.push(
    mistakeAt(
      document,
      path,
      value === undefined ? { message: 'is missing' } : { message, ...givenOf(value) },
    ),
  );
}

function unknownKeys(
  document: YamlDocument,
  path: readonly PathPart[],
  keys: readonly string[],
  allowed: readonly string[],
): Mistake[] {
  return keys.slice(0, UNKNOWN_KEYS_MAX).map((key) =>
    mistakeAt(
      document,
      [...path, key],
      {
        message: 'this key is not known',
        allowed: allowed.length > 0 ? allowed.join(', ') : undefined,
        suggestion: nearest(key, allowed),
      },
      'key',
    ),
  );
}

function choice(
  document: YamlDocument,
  path: readonly PathPart[],
  value: unknown,
  options: readonly string[],
): Mistake {
  return mistakeAt(document, path, {
    message: value === undefined ? 'is missing' : 'is not one of the allowed values',
    ...givenOf(value),
    allowed: options.join(', '),
    suggestion: typeof value === 'string' ? nearest(value, options) : undefined,
  });
}

/**
 * Of a union's branches, the one that the writer meant: its type fits and something inside it is
 * wrong. None when every branch fails on the type itself.
 */
function meantBranch(branches: readonly core.$ZodIssue[][]): core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code !== 'invalid_type'),
  );
}

function customParams(params: Record<string, unknown> | undefined) {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const at: 'key' | 'value' = params?.at === 'key' ? 'key' : 'value';
  return { allowed: text(params?.allowed), suggestion: text(params?.suggestion), at };
}

function givenOf(value: unknown): { given?: string } {
  return value === undefined || (typeof value === 'object' && value !== null)
    ? {}
    : { given: showGiven(value) };
}

/** Our wording for zod's own issues; a schema's own `error` text goes before it. */
const wording: core.$ZodErrorMap = (issue) => {
  const isMissing = issue.input === undefined;
  switch (issue.code) {
    case 'invalid_type': {
      const expected = `must be ${typeName(String(issue.expected))}`;
      if (isMissing) return `is missing; it ${expected}`;
      return typeof issue.input === 'number'
        ? expected
        : `${expected}, but is ${typeOf(issue.input)}`;
    }
    case 'too_small':
      return limit(issue.origin, 'at least', issue.minimum, issue.inclusive);
    case 'too_big':
      return limit(issue.origin, 'at most', issue.maximum, issue.inclusive);
    case 'invalid_format':
      return 'does not have the right form';
    case 'invalid_key':
      return 'holds a key that is not allowed';
    default:
      return undefined;
  }
};

function limit(origin: string, word: string, bound: number | bigint, inclusive?: boolean): string {
  const edge = inclusive === false ? `${word === 'at least' ? 'more' : 'less'} than` : word;
  if (origin === 'array') return `must have ${edge} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string' && word === 'at least' && bound === 1) return 'must not be empty';
  if (origin === 'string') return `must have ${edge} ${bound} characters`;
  return `must be ${edge} ${bound}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'empty',
};

function typeName(expected: string): string {
  return TYPE_NAMES[expected] ?? expected;
}

function typeOf(value: unknown): string {
  if (value === null) return 'empty';
  return typeName(Array.isArray(value) ? 'array' : typeof value);
}

function toPart(part: PropertyKey): PathPart {
  return typeof part === 'symbol' ? String(part) : part;
}

function valueAt(root: unknown, path: readonly PathPart[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<PathPart, unknown>)[part];
  }
  return value;
}

/** The keys that the schema's object at `path` allows; empty when there is none. */
function keysAt(schema: core.$ZodType, path: readonly PathPart[]): string[] {
  const keys = schemasAt(schema, path).flatMap((one) =>
    one instanceof core.$ZodObject ? Object.keys(one._zod.def.shape) : [],
  );
  return [...new Set(keys)];
}

/** What the schema allows at `path`, without wrappers; several where there is a union. */
function schemasAt(schema: core.$ZodType, path: readonly PathPart[]): core.$ZodType[] {
  let candidates = unwrap(schema);
  for (const part of path) candidates = candidates.flatMap((one) => childOf(one, part));
  return candidates;
}

function isPlainText(schema: core.$ZodType): boolean {
  return schema instanceof core.$ZodString;
}

function childOf(schema: core.$ZodType, part: PathPart): core.$ZodType[] {
  if (schema instanceof core.$ZodObject) {
    const child = schema._zod.def.shape[String(part)];
    return child ? unwrap(child) : [];
  }
  if (schema instanceof core.$ZodArray) return unwrap(schema._zod.def.element);
  if (schema instanceof core.$ZodRecord) return unwrap(schema._zod.def.valueType);
  return [];
}

/** Takes off what wraps a schema (optional, default, transform); a union gives all its options. */
function unwrap(schema: core.$ZodType): core.$ZodType[] {
  if (
    schema instanceof core.$ZodOptional ||
    schema instanceof core.$ZodNullable ||
    schema instanceof core.$ZodDefault ||
    schema instanceof core.$ZodPrefault ||
    schema instanceof core.$ZodReadonly
  ) {
    return unwrap(schema._zod.def.innerType);
  }
  if (schema instanceof core.$ZodPipe) {
    // A text that is made into something else, such as a duration, is no plain text.
    const inner = schema._zod.def.in;
    return isPlainText(inner) ? [schema] : unwrap(inner);
  }
  if (schema instanceof core.$ZodUnion) return schema._zod.def.options.flatMap(unwrap);
  return [schema];
}
