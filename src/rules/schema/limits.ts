import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { scopes } from '../scope.ts';
import { DAY_MS, SECOND_MS } from './parts.ts';

const COOLDOWN_MS = { max: 30 * DAY_MS };

function per(what: string) {
  return z
    .enum(scopes)
    .default('container')
    .describe(
      `What ${what} together, always for this rule alone. owner: the Deployment, CronJob, … ` +
        'behind the pod; node and rule: all targets on this node',
    );
}

const cooldown = z.union(
  [
    durationMs(COOLDOWN_MS).transform((ms) => ({ for: ms, per: 'container' as const })),
    z.strictObject({
      for: durationMs(COOLDOWN_MS).describe('How long'),
      per: per('cools down'),
    }),
  ],
  { error: 'must be a duration such as 30s, or a map of for and per' },
);

const budget = z.union([
  z.strictObject({
    count: z.int().min(1).max(1_000).describe('Firings allowed'),
    within: durationMs({ min: SECOND_MS, max: 30 * DAY_MS }).describe('Sliding window of count'),
    per: per('is counted'),
  }),
  z.literal('none'),
]);

const parts = {
  cooldown: cooldown.optional().meta({
    description:
      'Quiet time after this rule fired, of that container (by its name, over restarts) or of ' +
      'what `per` says',
    default: '10m',
  }),
  budget: budget
    .optional()
    .describe(
      'At most so many firings in any stretch of that length; none = no bound. What was refused ' +
        'before anything was captured is given back',
    ),
};

/** `spec.limits`. What is not given comes from the configuration of the agent, else from here. */
export const limits = z.strictObject(parts);

/** `defaults.limits` in the configuration of the agent. */
export const limitDefaults = z.strictObject(parts);

export type LimitDefaults = z.infer<typeof limits>;
