import type { RequestSignal } from '../../signal/index.ts';
import { REQUEST_RULE } from '../check.ts';
import type { Decision } from '../decision.ts';
import { judgeTarget, type Step, targetOf, trailOfFinding } from '../judge.ts';
import { resolveName } from '../resolve.ts';
import { part } from '../trail.ts';

const OBSERVING = {
  reason: 'observed',
  detail: 'mode: observe in the configuration of the agent; to capture anyway: --even-in-observe',
} as const;

/** A person asks for a capture: no rule, no cooldown, but the deny list holds. */
export function stepRequest(step: Step, signal: RequestSignal): void {
  const { timeoutMs, freezeMsMax } = step.core.options.requestCapture;
  const decision: Omit<Decision, 'verdict' | 'reason' | 'detail' | 'trail'> = {
    rule: REQUEST_RULE,
    atMs: step.nowMs,
    signal: step.summary(),
    capture: { via: signal.via, timeoutMs, freezeMsMax },
    retainClass: REQUEST_RULE,
  };
  const when = [part('request', true, `by ${signal.by}`)];
  const found = resolveName(step.state.pods, signal);
  if ('reason' in found) {
    const trail = trailOfFinding(found, when);
    step.decisions.push({ verdict: 'suppress', ...found, ...decision, trail });
    return;
  }
  const target = targetOf(found);
  const isHeldBack = step.core.options.mode === 'observe' && !signal.evenInObserve;
  const finding = judgeTarget(step.core, found) ?? (isHeldBack ? OBSERVING : undefined);
  step.decisions.push(
    finding
      ? {
          verdict: 'suppress',
          ...finding,
          ...decision,
          trail: trailOfFinding(finding, when, { target }),
          target,
        }
      : {
          verdict: 'fire',
          reason: 'fired',
          detail: `asked for by ${signal.by}`,
          ...decision,
          trail: [
            ...when,
            part('deny list', true, 'not on it'),
            part('container', true, 'running'),
          ],
          target,
        },
  );
}
