import type * as z from 'zod';
import * as core from 'zod/v4/core';

/** How a text field is written: for editors and for the documentation, beside its check in code. */
export interface FieldShape {
  /** Its type in a word or two. */
  title: string;
  /** What may be written, in full, as the messages say it. */
  allowed: string;
  /** As strict as a regular expression can be without refusing what is right. */
  pattern?: string;
  examples?: readonly string[];
  /** The number of inside, as it would be written. */
  show?(value: number): string;
}

/** A registry, because what wraps a schema (a description, a default) must not lose its shape. */
const shapes = core.registry<FieldShape>();

/** Says how the field is written. */
export function shaped<Schema extends z.ZodType>(schema: Schema, shape: FieldShape): Schema {
  shapes.add(schema, shape);
  return schema;
}

/** The shape of a schema, or of what it is made of by a refinement or a description. */
export function fieldShapeOf(schema: core.$ZodType): FieldShape | undefined {
  return shapes.get(schema);
}
