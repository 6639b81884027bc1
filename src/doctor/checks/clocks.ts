import { peekServer } from '../../kube/index.ts';
import { answerOf, defineCheck } from '../check.ts';
import { type Finding, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

/** How far the clocks of others are ahead of ours, ms; those that did not tell are left out. */
export type ClockFacts = readonly { whose: string; aheadMs: number }[];

/** Signals carry the time of whoever saw them first. The header that is read tells seconds. */
const AHEAD_MS_MAX = 2_000;

/** Whether this node's clock goes with those of the API server and the kubelet. */
export const clockCheck = defineCheck('clock', askClocks, judgeClocks);

async function askClocks(outside: Outside, signal: AbortSignal): Promise<ClockFacts> {
  const ahead = async (whose: string, address: Promise<string>) => {
    const found = await answerOf(address);
    if (!found.ok) return [];
    const peek = await answerOf(peekServer(found.value, {}, outside.clock, signal));
    const aheadMs = peek.ok ? peek.value.aheadMs : undefined;
    return aheadMs === undefined ? [] : [{ whose, aheadMs }];
  };
  const server = outside.identity().then((identity) => identity.server);
  const told = await Promise.all([
    ahead('the API server', server),
    ahead('the kubelet', outside.kubeletAddress()),
  ]);
  return told.flat();
}

export function judgeClocks(facts: ClockFacts): Finding[] {
  if (facts.length === 0) return [skipped('not-told', 'nobody told the time')];
  const off = facts.filter(({ aheadMs }) => Math.abs(aheadMs) > AHEAD_MS_MAX);
  if (off.length > 0) {
    return off.map(({ whose, aheadMs }) => {
      const way = aheadMs > 0 ? 'ahead of' : 'behind';
      const seconds = Math.round(Math.abs(aheadMs) / 100) / 10;
      const what = `${whose} is ${seconds} s ${way} this node: cooldowns and windows come out wrong`;
      return warn('drift', what, 'Set the clocks by NTP (chrony, systemd-timesyncd).');
    });
  }
  const names = facts.map(({ whose }) => whose).join(' and ');
  return [ok(`within ${AHEAD_MS_MAX / 1_000} s of ${names}`)];
}
