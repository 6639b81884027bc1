import * as z from 'zod';
import { PATTERN_CHARS_MAX } from '../patterns.ts';
import { severities, severityRank } from '../severity.ts';
import { exactlyOne, pattern, requireOne, text } from './parts.ts';

const scalar = z.union([z.string().max(4_096), z.number(), z.boolean()]);

const tests = {
  equals: scalar.describe('The value is exactly this'),
  in: z.array(scalar).min(1).max(1_000).describe('The value is one of these'),
  glob: text(PATTERN_CHARS_MAX).describe('* is any run of characters, ? is one'),
  re2: pattern.describe('RE2 expression, found anywhere in the value unless anchored'),
  contains: text(4_096).describe('The value has this text in it'),
};

/** Exactly one test of a text. */
export const textTest = exactlyOne(tests).describe('A test of a text');

const severity = z.string().superRefine((value, context) => {
  if (severityRank(value) !== undefined) return;
  context.addIssue({
    code: 'custom',
    message: 'is not a Falco priority',
    params: { allowed: severities.join(', ') },
  });
});

/** The tests that a field of an alert can have. */
export const fieldTests = {
  ...tests,
  exists: z.boolean().describe('The field is there and not null, or is not'),
  severityAtLeast: severity.describe('Falco priority this grave or graver'),
};

/** One field and its test. */
export const fieldMatch = z
  .strictObject(fieldTests)
  .partial()
  .extend({
    field: text(256).describe('Path in the payload: priority, rule, output_fields.proc.name'),
  })
  .superRefine(requireOne(Object.keys(fieldTests)))
  .describe('A test of one field of the alert');

/** The tests of one field as they are written. */
export type GivenTests = Partial<z.infer<z.ZodObject<typeof fieldTests>>>;
