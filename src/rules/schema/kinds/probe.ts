import * as z from 'zod';

/** `when.probe`. */
export const probe = z
  .strictObject({
    type: z.enum(['liveness', 'readiness', 'startup']).describe('Which probe of the container'),
    failures: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .describe(
        'Failures in a row; of a liveness or startup probe never more than its failureThreshold, ' +
          'because the kubelet kills then',
      ),
  })
  .describe('A probe fails; a success ends the row. Of one row the rule fires once');
