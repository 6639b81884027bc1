import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { DAY_MS, MINUTE_MS } from './parts.ts';

/** `spec.limits`. */
export const limits = z.strictObject({
  cooldown: durationMs({ max: 30 * DAY_MS })
    .default(10 * MINUTE_MS)
    .describe('Quiet time of one container after this rule fired for it'),
});
