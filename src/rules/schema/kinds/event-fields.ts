import * as z from 'zod';
import { eventFieldMatch, textTest } from '../field-tests.ts';
import { text } from '../parts.ts';

/** What an Event must be, alone or as a step of a sequence. */
export const eventFields = {
  reason: z
    .union([text(128), z.array(text(128)).min(1).max(100)])
    .describe('Reason of the Event, or a list of them')
    .meta({ examples: ['Unhealthy', ['BackOff', 'Unhealthy']] }),
  type: z.enum(['Normal', 'Warning']).optional().describe('Type of the Event'),
  message: textTest.optional().describe('Test of the message'),
  match: z
    .array(eventFieldMatch)
    .min(1)
    .max(50)
    .optional()
    .describe('Tests of fields that must all hold too'),
};
