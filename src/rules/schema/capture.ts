import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './parts.ts';

/** What a capture is allowed when neither rule nor request says otherwise. */
export const captureDefaults = {
  via: 'auto',
  timeoutMs: 10 * MINUTE_MS,
  freezeMsMax: 30_000,
} as const;

/** `spec.capture`. */
export const capture = z.strictObject({
  via: z
    .enum(['auto', 'cri', 'kubelet'])
    .default(captureDefaults.via)
    .describe('How the checkpoint is asked for; auto takes the better of those that are there'),
  timeout: durationMs({ min: SECOND_MS, max: DAY_MS })
    .default(captureDefaults.timeoutMs)
    .describe('How long the whole capture may take'),
  freeze: z
    .strictObject({
      max: durationMs({ min: 100, max: HOUR_MS })
        .default(captureDefaults.freezeMsMax)
        .describe(
          'Refuses a capture that is predicted to stand still longer; one that runs is not cut short',
        ),
    })
    .prefault({}),
});
