import * as z from 'zod';
import * as core from 'zod/v4/core';
import { type FieldShape, fieldShapeOf } from './yaml-field-shape.ts';

/** A JSON Schema, draft 7: what yaml-language-server and other editors read best. */
export interface JsonSchema {
  [keyword: string]: unknown;
  $schema?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  default?: unknown;
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
}

export const JSON_SCHEMA_DRAFT = 'http://json-schema.org/draft-07/schema#';

/**
 * The JSON Schema of what people write for `schema`: defaults in the form in which they would be
 * written, each field with its type in words as `title`. What only code can judge (does the
 * pattern compile, does the cron line ever fire) is left out; it never refuses what the schema
 * itself would take.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => describeField(zodSchema, jsonSchema),
  });
  return rest as JsonSchema;
}

function describeField(schema: core.$ZodType, json: Record<string, unknown>): void {
  const shape = fieldShapeOf(schema);
  if (shape) Object.assign(json, keywordsOf(shape));
  // Of what becomes something else the library leaves out what is written for no default, and how.
  const { default: written, examples } = z.globalRegistry.get(schema) ?? {};
  if (written !== undefined) json.default = written;
  if (examples !== undefined) json.examples = examples;
  // Every key of a record is text; saying so helps nobody.
  if (schema instanceof core.$ZodRecord && !fieldShapeOf(schema._zod.def.keyType)) {
    delete json.propertyNames;
  }
  if (schema instanceof core.$ZodDefault) {
    const inner = fieldShapeOf(schema._zod.def.innerType);
    const value = schema._zod.def.defaultValue;
    json.default = inner?.show ? inner.show(Number(value)) : value;
    // What is left out stands for all; a list that is written empty is refused.
    if (Array.isArray(value) && value.length === 0) delete json.default;
  }
  // `{}` stands for the defaults inside it, which are told there.
  if (schema instanceof core.$ZodPrefault) delete json.default;
}

function keywordsOf({ title, pattern, allowed, examples }: FieldShape): JsonSchema {
  return {
    title,
    ...(pattern === undefined ? {} : { pattern, patternErrorMessage: `must be ${allowed}` }),
    ...(examples === undefined ? {} : { examples }),
  };
}
