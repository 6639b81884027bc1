import * as z from 'zod';
import { durationMs, percentRatio } from '../../../base/index.ts';
import { DAY_MS, exactlyOne, SECOND_MS, text } from '../parts.ts';
import { alertStep } from './alert.ts';
import { eventFields } from './event-fields.ts';

const STEPS_MAX = 8;

const event = z.strictObject(eventFields).describe('An Event about the container');

const memory = z
  .strictObject({
    above: percentRatio({ min: 0.01, max: 1 }).describe(
      'Share of the tightest memory limit that the kernel could not reclaim',
    ),
  })
  .describe('Its memory is above a share of its limit');

const probe = z
  .strictObject({
    type: z.enum(['liveness', 'readiness', 'startup']).describe('Which probe of the container'),
  })
  .describe("A probe of it failed, by the kubelet's counters");

const crash = z
  .strictObject({
    reasons: z
      .array(text(128))
      .min(1)
      .max(20)
      .optional()
      .describe('Reason of the end, such as OOMKilled or Error; left out = any failure')
      .meta({ examples: [['OOMKilled']] }),
  })
  .describe('Its last life failed; the step after it speaks of the next life');

/** `when.sequence`. */
export const sequence = z
  .strictObject({
    within: durationMs({ min: SECOND_MS, max: DAY_MS }).describe(
      'From the first step to the last; of several first steps the latest counts',
    ),
    steps: z
      .array(
        exactlyOne({ event, alert: alertStep, memory, probe, crash }).describe(
          'Exactly one of these',
        ),
      )
      .min(2)
      .max(STEPS_MAX)
      .describe('What must be seen of one container, in this order; other signals may lie between'),
  })
  .describe('Two or more signs of one container, one after the other; fires at the last');
