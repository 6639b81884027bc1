import * as z from 'zod';
import { percentRatio } from '../../../base/index.ts';

/** Why a pod is deleted, as far as the API server says so while it still runs. */
const terminationCauses = ['drain', 'eviction', 'taint', 'preemption', 'delete'] as const;

/** `when.terminating`. */
export const terminating = z
  .strictObject({
    causes: z
      .array(z.enum(terminationCauses))
      .min(1)
      .max(terminationCauses.length)
      .describe(
        'drain: by the Eviction API (kubectl drain, autoscaler). taint: by a NoExecute taint. ' +
          'eviction: either of both. preemption: by the scheduler. delete: all else. What the ' +
          'kubelet evicts by itself (node pressure, shutdown) shows only when it has ended',
      ),
    reserve: percentRatio({ min: 0, max: 0.99 })
      .default(0.5)
      .describe('Share of the grace period that must stay to the application after the capture'),
  })
  .describe('A pod is being deleted, and its containers still run');
