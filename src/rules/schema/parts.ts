import * as z from 'zod';
import { nameGlob } from '../../base/index.ts';
import { compilePattern, PATTERN_CHARS_MAX } from '../patterns.ts';

/** Units of the lengths of time in the language. */
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** A text that is neither empty nor endless. */
export const text = (charsMax: number) => z.string().min(1).max(charsMax);

/** A map that must hold exactly one of the keys. */
export function exactlyOne<Shape extends z.ZodRawShape>(shape: Shape) {
  return z
    .strictObject(shape)
    .partial()
    .superRefine(requireOne(Object.keys(shape)))
    .meta({ minProperties: 1, maxProperties: 1 });
}

/** Refuses a map that does not hold exactly one of the keys. */
export function requireOne(keys: readonly string[]) {
  return (value: object, context: z.RefinementCtx) => {
    const given = keys.filter((key) => key in value);
    if (given.length === 1) return;
    context.addIssue({
      code: 'custom',
      message:
        given.length === 0
          ? 'must hold one of the allowed keys'
          : `must hold only one key, but holds ${given.join(' and ')}`,
      params: { allowed: `exactly one of ${keys.join(', ')}`, at: 'key' },
    });
  };
}

/** An RE2 expression that compiles and stays small. */
export const pattern = text(PATTERN_CHARS_MAX)
  .superRefine((value, context) => {
    const compiled = compilePattern(value);
    if (!compiled.ok) context.addIssue({ code: 'custom', message: compiled.why });
  })
  .meta({ title: 'RE2 expression', examples: ['^Liveness probe failed'] });

/** A list that somebody emptied must not come to mean everything. */
export function globs(without: 'all' | 'nothing' = 'all') {
  const message =
    without === 'all' ? 'is empty; leave it out to reach all' : 'is empty; leave it out';
  return z.array(nameGlob()).min(1, message).max(1_000);
}
