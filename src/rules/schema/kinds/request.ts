import * as z from 'zod';

/** `when.request`. */
export const request = z
  .strictObject({
    from: z
      .array(z.enum(['cli', 'annotation']))
      .min(1)
      .max(2)
      .describe(
        'annotation: a new value of stillpoint.dev/capture on a pod captures each container that ' +
          'the rule selects, once; the value that a pod comes with is no request. cli: gives ' +
          '`stillpoint capture`, which needs no rule, the capture and retain of this one',
      ),
  })
  .describe('Somebody asks for a capture');
