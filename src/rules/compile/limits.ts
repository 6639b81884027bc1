import type { GivenLimits } from '../limits.ts';
import type { LimitDefaults } from '../schema/limits.ts';

/** `limits` of a rule, or of the defaults; what is not given is left out. */
export function compileLimits({ cooldown, budget }: LimitDefaults): GivenLimits {
  return {
    ...(cooldown && { cooldown: { forMs: cooldown.for, per: cooldown.per } }),
    ...(budget && { budget: budget === 'none' ? budget : compileBudget(budget) }),
  };
}

function compileBudget({
  count,
  within,
  per,
}: Exclude<LimitDefaults['budget'], 'none' | undefined>) {
  return { count, withinMs: within, per };
}
