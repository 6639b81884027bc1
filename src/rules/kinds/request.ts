import type { RequestSignal } from '../../signal/index.ts';
import { REQUEST_RULE } from '../check.ts';
import type { Decision } from '../decision.ts';
import { judgeTarget, type Step, targetOf } from '../judge.ts';
import { resolveName } from '../resolve.ts';

/** A person asks for a capture: no rule, no cooldown, but the deny list holds. */
export function stepRequest(step: Step, signal: RequestSignal): void {
  const { timeoutMs, freezeMsMax } = step.core.options.requestCapture;
  const decision: Omit<Decision, 'verdict' | 'reason' | 'detail'> = {
    rule: REQUEST_RULE,
    atMs: step.nowMs,
    signal: step.summary(),
    capture: { via: signal.via, timeoutMs, freezeMsMax },
    retainClass: REQUEST_RULE,
  };
  const found = resolveName(step.state.pods, signal);
  if ('reason' in found) {
    step.decisions.push({ verdict: 'suppress', ...found, ...decision });
    return;
  }
  const target = targetOf(found);
  const finding = judgeTarget(step.core, found);
  step.decisions.push(
    finding
      ? { verdict: 'suppress', ...finding, ...decision, target }
      : {
          verdict: 'fire',
          reason: 'fired',
          detail: `asked for by ${signal.by}`,
          ...decision,
          target,
        },
  );
}
