import * as z from 'zod';
import { cronLine, durationMs, timeZoneName } from '../../../base/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../parts.ts';

/** `when.schedule`. */
export const schedule = z
  .strictObject({
    cron: cronLine().describe('When, as a cron line of 5 fields (6 with seconds first)'),
    timeZone: timeZoneName().default('UTC').describe('IANA time zone of the cron line'),
    concurrency: z
      .enum(['Allow', 'Forbid'])
      .default('Allow')
      .describe(
        'Forbid: while a capture of this rule waits or runs on the node, the next time waits until ' +
          'startingDeadline and is then given up. A running capture is never replaced',
      ),
    startingDeadline: durationMs({ min: 10 * SECOND_MS, max: 7 * DAY_MS })
      .default(MINUTE_MS)
      .describe('How late a time may still begin: after a wait, or when it is caught up'),
    catchUp: z
      .enum(['none', 'latest'])
      .default('none')
      .describe(
        'Times that passed while the agent did not run: none, or the latest of them where ' +
          'startingDeadline allows it. More than a minute late counts as passed',
      ),
    jitter: durationMs({ max: HOUR_MS })
      .default(0)
      .describe('Begins later by up to this, always by the same on one node, other on another'),
    suspend: z
      .boolean()
      .default(false)
      .describe('No times come while it is true, and none of them is caught up afterwards'),
  })
  .describe('A calendar; captures every selected running container');
