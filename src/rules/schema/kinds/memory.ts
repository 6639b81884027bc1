import * as z from 'zod';
import { durationMs, percentRatio } from '../../../base/index.ts';
import { HOUR_MS, SECOND_MS } from '../parts.ts';

/** `memory.floor` when it is left out. */
export const FLOOR_RATIO = 0.5;

/** `when.memory`. */
export const memory = z
  .strictObject({
    above: percentRatio({ min: 0.01, max: 1 }).describe(
      'Share of the tightest memory limit that the kernel could not reclaim',
    ),
    for: durationMs({ max: HOUR_MS }).default(0).describe('How long it must stay above'),
    orFullWithin: durationMs({ min: 50, max: 10 * SECOND_MS })
      .optional()
      .describe('Fires at once, also below `above`, when the present growth fills it within this'),
    floor: percentRatio({ min: 0.01, max: 1 })
      .optional()
      .describe('Share from which on `orFullWithin` counts; 50% when left out'),
    again: z
      .enum(['newLife', 'afterBelow'])
      .default('newLife')
      .describe('When it may fire again: in the next life, or also after a fall under `below`'),
    below: percentRatio({ min: 0.01, max: 1 })
      .optional()
      .describe('Share that memory must fall under before the rule can fire again in one life'),
  })
  .superRefine(checkMemory)
  .describe('Memory nears a limit; fires once a life of the container, unless `again` says more');

interface GivenMemory {
  above: number;
  orFullWithin?: number;
  floor?: number;
  again: 'newLife' | 'afterBelow';
  below?: number;
}

function checkMemory(given: GivenMemory, context: z.RefinementCtx): void {
  const { above, orFullWithin, floor = FLOOR_RATIO, again, below } = given;
  const mistake = (key: string, message: string) => {
    context.addIssue({ code: 'custom', path: [key], message });
  };
  if (given.floor !== undefined && orFullWithin === undefined) {
    mistake('floor', 'means nothing without orFullWithin');
  } else if (orFullWithin !== undefined && floor >= above) {
    const key = given.floor === undefined ? 'above' : 'floor';
    mistake(key, 'leaves orFullWithin nothing to do: floor must be less than above');
  }
  if (again === 'newLife' && below !== undefined) {
    mistake('below', 'means nothing without again: afterBelow');
  } else if (again === 'afterBelow' && below === undefined) {
    mistake('again', 'afterBelow needs the share: below');
  } else if (below !== undefined && below >= above) {
    mistake('below', 'must be less than above, or a value that wavers fires again and again');
  }
}
