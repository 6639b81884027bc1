import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { eventFieldMatch, textTest } from './field-tests.ts';
import { alert } from './kinds/alert.ts';
import { memory } from './kinds/memory.ts';
import { probe } from './kinds/probe.ts';
import { schedule } from './kinds/schedule.ts';
import { terminating } from './kinds/terminating.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, text } from './parts.ts';

const event = z
  .strictObject({
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
    atLeast: z.int().min(1).max(10_000).default(1).describe('Occurrences needed'),
    within: durationMs({ min: 10 * SECOND_MS, max: DAY_MS })
      .default(MINUTE_MS)
      .describe('Sliding window of atLeast'),
  })
  .describe('Kubernetes Events about a pod or container');

const crashLoop = z
  .strictObject({
    restarts: z.int().min(1).max(100).describe('Failed lives needed'),
    within: durationMs({ min: SECOND_MS, max: DAY_MS }).describe('Sliding window of restarts'),
    capture: z
      .strictObject({
        after: durationMs({ max: HOUR_MS })
          .default(5 * SECOND_MS)
          .describe('How old the captured life must be'),
      })
      .prefault({}),
  })
  .describe('A container restarts again and again; its next life is captured');

/** The kinds of condition, each with the schema of what stands under it. */
export const whenShape = { memory, event, crashLoop, probe, terminating, alert, schedule };
