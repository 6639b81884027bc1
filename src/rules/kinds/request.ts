import type { ContainerFact, RequestSignal } from '../../signal/index.ts';
import { reachesPod } from '../core.ts';
import type { Decision } from '../decision.ts';
import { judgeTarget, judgeWhere, type Step, targetOf, trailOfFinding } from '../judge.ts';
import { resolveName } from '../resolve.ts';
import type { Rule } from '../rule.ts';
import { REQUEST_RULE } from '../rule.ts';
import { selectsContainer } from '../select.ts';
import type { PodEntry } from '../state/pod-table.ts';
import { part } from '../trail.ts';

const OBSERVING = {
  reason: 'observed',
  detail: 'mode: observe in the configuration of the agent; to capture anyway: --even-in-observe',
} as const;

/**
 * A person asks for a capture: no rule, no limits, but the deny list holds. How it is captured and
 * which class the archive gets can be said by a rule of kind request: the first that enforces and
 * selects the container.
 */
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
  const rule = settingsRule(step, found, signal);
  if (rule) {
    const via = signal.via === 'auto' ? rule.capture.via : signal.via;
    decision.capture = { ...rule.capture, via };
    decision.retainClass = rule.retainClass;
    when.push(part('settings', true, `of rule ${rule.id}`));
  }
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

function settingsRule(
  step: Step,
  found: { entry: PodEntry; container: ContainerFact },
  signal: RequestSignal,
): Rule | undefined {
  const told = { from: 'cli', by: signal.by, token: '' };
  return step.core.byHand.find((rule) => {
    if (rule.mode === 'observe' || !reachesPod(found.entry, rule)) return false;
    if (!selectsContainer(rule.target, found.container)) return false;
    return judgeWhere(step, { rule, ...found, told }, signal) === undefined;
  });
}
