import { describeTarget, isRunning, type TickSignal } from '../../signal/index.ts';
import { isOf, reachesPod } from '../core.ts';
import {
  type Case,
  fire,
  judgeLimits,
  judgeTarget,
  passesWhere,
  type Step,
  suppress,
  targetOf,
} from '../judge.ts';
import { selectsContainer } from '../select.ts';
import { part } from '../trail.ts';

/** A schedule's time has come: one decision for every running container that the rule reaches. */
export function stepTick(step: Step, signal: TickSignal): void {
  const rule = step.core.byId.get(signal.rule);
  // A tick of a rule that was removed or changed its kind meanwhile.
  if (!rule || !isOf('schedule')(rule)) return;
  const { cron, timeZone } = rule.when;
  const scheduled = new Date(signal.scheduledMs).toISOString();
  const when = [part('when.schedule.cron', true, scheduled, `${cron} (${timeZone})`)];
  const lateMs = Math.max(0, step.nowMs - signal.scheduledMs);
  const told = { scheduled, lateSeconds: Math.floor(lateMs / 1_000) };
  const cases: { key: string; one: Case }[] = [];
  let stopped = 0;
  let unwanted = 0;
  for (const entry of step.state.pods.byUid.values()) {
    if (!reachesPod(entry, rule)) continue;
    for (const container of entry.fact.containers) {
      if (!selectsContainer(rule.target, container)) continue;
      if (!isRunning(container)) {
        stopped++;
        continue;
      }
      const one = { rule, entry, container, told };
      if (!passesWhere(step, one, signal, when)) {
        unwanted++;
        continue;
      }
      cases.push({ key: describeTarget(targetOf(one)), one });
    }
  }
  if (cases.length === 0) {
    const detail = describeNone(stopped, unwanted);
    suppress(step, rule, { reason: 'not-selected', detail }, { when });
  }
  cases.sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { one } of cases) {
    const finding = judgeTarget(step.core, one) ?? judgeLimits(step, one);
    if (finding) suppress(step, rule, finding, { target: targetOf(one), when });
    else fire(step, one, { detail: `schedule ${cron} (${timeZone})`, when });
  }
}

/** Why a time found no container to capture. */
function describeNone(stopped: number, unwanted: number): string {
  const why = [
    ...(stopped > 0 ? [`${stopped} selected do not run`] : []),
    ...(unwanted > 0 ? [`where does not hold for ${unwanted}`] : []),
  ];
  return ['no running container is selected', why.join(', ')].filter(Boolean).join(': ');
}
