import type { AgentConfig, AgentStatus } from '../../agent/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, ok, skipped, warn } from '../line.ts';

export interface GuardFacts {
  /** `guard.run` of the configuration. */
  run: AgentConfig['guard']['run'];
  status: Answer<AgentStatus>;
}

/** Whether the agent has a living guard process, which alone lets it pause containers. */
export const guardCheck = defineCheck(
  'guard',
  async ({ agentStatus, config }): Promise<GuardFacts> => ({
    run: config.guard.run,
    status: await answerOf(agentStatus()),
  }),
  judgeGuard,
);

export function judgeGuard({ run, status }: GuardFacts): Finding[] {
  if (run === 'none') return [skipped('none-wanted', 'guard.run is none: nothing is ever paused')];
  if (!status.ok) return [skipped('no-agent', 'no agent answers that could tell')];
  // An agent of an older version knows of none.
  const guard: AgentStatus['guard'] | undefined = status.value.guard;
  if (!guard) return [skipped('no-agent', 'the agent is too old to tell')];
  if (guard.state === 'live') return [ok(`process ${guard.pid} answers the agent`)];
  const what = `the agent has no guard process (${guard.why}): its captures pause nothing`;
  return [
    warn('guard-absent', what, 'Look at its log (in a cluster: container guard); docs/guard.md'),
  ];
}
