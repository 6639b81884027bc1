import { formatDuration, type Mistake, mistakeAt, type YamlDocument } from '../../base/index.ts';
import { compileLimits } from '../compile/index.ts';
import { resolveLimits } from '../limits.ts';
import type { GivenRule } from '../schema/index.ts';

/** Limits that are right each, but of which one makes the other idle. */
export function checkLimits(document: YamlDocument, given: GivenRule): Mistake[] {
  return [...idleBudget(document, given), ...shortCooldown(document, given)];
}

/** Only where the rule itself says both: what it leaves out comes from the agent's defaults. */
function shortCooldown(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  if (spec.limits.cooldown === undefined) return [];
  const { cooldown } = resolveLimits(compileLimits(spec.limits), {});
  if (cooldown.forMs >= spec.capture.freeze.max) return [];
  const message =
    `is shorter than a capture may take (capture.freeze.max is ` +
    `${formatDuration(spec.capture.freeze.max)}), so the rule can fire again while one runs`;
  return [mistakeAt(document, ['spec', 'limits', 'cooldown'], { message })];
}

function idleBudget(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const { cooldown, budget } = resolveLimits(compileLimits(spec.limits), {});
  if (!budget || cooldown.per !== budget.per) return [];
  if (budget.count * cooldown.forMs < budget.withinMs) return [];
  const message =
    `is never used up: with a cooldown of ${formatDuration(cooldown.forMs)} the rule cannot fire ` +
    `more than ${budget.count} times within ${formatDuration(budget.withinMs)}`;
  return [mistakeAt(document, ['spec', 'limits', 'budget'], { message })];
}
