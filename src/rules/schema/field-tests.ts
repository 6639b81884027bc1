import * as z from 'zod';
import { parseIpRange } from '../ip-range.ts';
import { severities, severityOrder, severityRank } from '../severity.ts';
import { exactlyOne, pattern, requireOne, text } from './parts.ts';

/** A glob costs its length for each character of a value, at worst. */
const GLOB_CHARS_MAX = 256;

const scalar = z
  .union([z.string().max(4_096), z.number(), z.boolean()])
  .meta({ examples: ['Critical'] });

const textTests = {
  equals: scalar.describe('The value is exactly this; 3 is a number, "3" a text'),
  in: z
    .array(scalar)
    .min(1)
    .max(1_000)
    .describe('The value is exactly one of these')
    .meta({ examples: [['Alert', 'Critical']] }),
  glob: text(GLOB_CHARS_MAX)
    .describe('The whole value; * is any run of characters, ? is one')
    .meta({ examples: ['Terminal shell*'] }),
  re2: pattern.describe('RE2 expression, found anywhere in the value unless anchored'),
  contains: text(4_096)
    .describe('The value has this text in it')
    .meta({ examples: ['timed out'] }),
};

const severity = z
  .string()
  .meta({ title: 'severity', examples: ['Critical'] })
  .superRefine((value, context) => {
    if (severityRank(value) !== undefined) return;
    context.addIssue({
      code: 'custom',
      message: 'is not a severity',
      params: { allowed: severities.join(', ') },
    });
  });

const bounds = {
  atLeast: z.number().describe('>= this'),
  above: z.number().describe('> this'),
  atMost: z.number().describe('<= this'),
  below: z.number().describe('< this'),
};

const numberTest = z
  .strictObject(bounds)
  .partial()
  .superRefine((given, context) => {
    const { atLeast, above, atMost, below } = given;
    if (Object.values(given).every((bound) => bound === undefined)) {
      const params = { allowed: 'at least one of atLeast, above, atMost, below', at: 'key' };
      context.addIssue({ code: 'custom', message: 'must hold one of the allowed keys', params });
    }
    const least = Math.max(atLeast ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY);
    const most = Math.min(atMost ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY);
    const isOpen = least === above || most === below;
    if (least < most || (least === most && !isOpen)) return;
    context.addIssue({
      code: 'custom',
      message: 'can never hold: no number is within these bounds',
    });
  })
  .meta({ minProperties: 1 });

const ipRange = text(80)
  .meta({ title: 'IP range', examples: ['10.0.0.0/8'] })
  .superRefine((given, context) => {
    const range = parseIpRange(given);
    if (!('why' in range)) return;
    const params = {
      allowed: 'an address or a range such as 10.0.0.0/8 or fd00::/8',
      suggestion: range.suggestion,
    };
    context.addIssue({ code: 'custom', message: range.why, params });
  });

const ownTests = {
  ...textTests,
  number: numberTest.describe(
    'The value is a number, or a text that is one, within all of these bounds',
  ),
  cidr: z
    .union([ipRange, z.array(ipRange).min(1).max(1_000)])
    .describe(
      'The value is an IP address in one of these ranges, IPv4 or IPv6, with or without port',
    ),
  severityAtLeast: severity.describe(
    `The value is a severity this grave or graver, in any case: ${severityOrder}`,
  ),
};

const negation = 'This test does not hold; so it holds also where the field is absent';

/** Exactly one test of a text. */
export const textTest = exactlyOne({
  ...textTests,
  not: exactlyOne(textTests).describe('This test does not hold'),
}).meta({ title: 'test of a text' });

/** The tests that one field can have. */
const fieldTests = {
  ...ownTests,
  exists: z.boolean().describe('true: the field is there and not null; false: it is not'),
  not: exactlyOne(ownTests).describe(negation),
};

/** One field and its test. */
export const fieldMatch = z
  .strictObject(fieldTests)
  .partial()
  .extend({
    field: text(256)
      .describe(
        'Path in the payload, parts joined by dots: priority, output_fields.proc.name, labels.pod',
      )
      .meta({ examples: ['output_fields.proc.name'] }),
  })
  .superRefine(requireOne(Object.keys(fieldTests)))
  .meta({ title: 'test of a field', minProperties: 2, maxProperties: 2 })
  .describe('One field of the alert and exactly one test of it');

/** The fields of an Event that a rule can look at. */
export const eventFields = ['reason', 'type', 'message', 'container', 'source.component'] as const;

/** One field of an Event and its test. */
export const eventFieldMatch = z
  .strictObject(fieldTests)
  .partial()
  .extend({
    field: z
      .enum(eventFields)
      .describe(
        'Field of the Event; container is the one that it names, source.component who recorded it',
      ),
  })
  .superRefine(requireOne(Object.keys(fieldTests)))
  .meta({ title: 'test of a field of an Event', minProperties: 2, maxProperties: 2 })
  .describe('One field of the Event and exactly one test of it');

/** The tests of one field as they are written. */
export type GivenTests = Partial<z.infer<z.ZodObject<typeof fieldTests>>>;
