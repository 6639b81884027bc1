/**
 * The language of `kind: CheckpointRule`. One schema gives validation, types and descriptions; a
 * new kind of condition is one more entry in when.ts and one more branch in compile/when.ts.
 */
import * as z from 'zod';
import { API_VERSION, dnsLabel, metadataFields } from '../../base/index.ts';
import { capture } from './capture.ts';
import type { alertStep } from './kinds/alert.ts';
import { limits } from './limits.ts';
import { exactlyOne } from './parts.ts';
import { target } from './target.ts';
import { whenShape } from './when.ts';

export { captureDefaults } from './capture.ts';
export { eventFields, type GivenTests } from './field-tests.ts';
export { alertShape } from './kinds/alert.ts';
export { FLOOR_RATIO } from './kinds/memory.ts';
export { memoryAmount } from './kinds/memory-amount.ts';

/** A CheckpointRule as it is written, defaults filled in. */
export const ruleSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('CheckpointRule'),
  metadata: metadataFields(),
  spec: z.strictObject({
    description: z
      .string()
      .max(1_000)
      .default('')
      .describe('For people')
      .meta({ examples: ['Keep the memory of a container that is about to be OOM-killed'] }),
    enabled: z
      .boolean()
      .default(true)
      .describe('false: checked, but decides nothing; its cooldowns and budgets go on'),
    priority: z
      .int()
      .min(-1_000)
      .max(1_000)
      .default(0)
      .describe(
        'Among captures that wait, the higher goes first; an earlier expected death goes before it',
      ),
    mode: z
      .enum(['enforce', 'observe'])
      .default('enforce')
      .describe('observe decides, records and counts, but captures nothing'),
    when: exactlyOne(whenShape).describe('The condition: exactly one kind'),
    target,
    where: z
      .string()
      .min(1)
      .max(2_000)
      .optional()
      .describe(
        'CEL expression over signal, pod, container and node that must hold too; checked against ' +
          'their types at load. A key that is not there makes it false',
      )
      .meta({ examples: ['pod.annotations["example.com/team"] == "payments"'] }),
    capture: capture.prefault({}),
    limits: limits.prefault({}),
    retain: z
      .strictObject({
        class: dnsLabel()
          .default('default')
          .describe('Retention policies select on it; what a person asks for has class request'),
      })
      .prefault({}),
  }),
});

/** An alert as it was written, alone or, then perhaps without `match`, as a step of a sequence. */
export type GivenAlert = z.infer<typeof alertStep>;

/** A checked rule in the form it was written in. */
export type GivenRule = z.infer<typeof ruleSchema>;
