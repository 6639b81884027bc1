import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { alert } from './kinds/alert.ts';
import { eventFields } from './kinds/event-fields.ts';
import { memory } from './kinds/memory.ts';
import { probe } from './kinds/probe.ts';
import { request } from './kinds/request.ts';
import { schedule } from './kinds/schedule.ts';
import { sequence } from './kinds/sequence.ts';
import { terminating } from './kinds/terminating.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './parts.ts';

const event = z
  .strictObject({
    ...eventFields,
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
export const whenShape = {
  memory,
  event,
  crashLoop,
  probe,
  terminating,
  alert,
  sequence,
  request,
  schedule,
};
