import type { AgentStatus } from '../../agent/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok, warn } from '../line.ts';

export interface AgentFacts {
  status: Answer<AgentStatus>;
  /** True inside of a pod, where an agent is expected to run beside us. */
  inPod: boolean;
  /** The version of this program. */
  version: string;
}

/** Whether the agent answers on its socket, and what it says of itself. */
export const agentCheck = defineCheck(
  'agent',
  async ({ agentStatus, env, version }): Promise<AgentFacts> => ({
    status: await answerOf(agentStatus()),
    inPod: env.KUBERNETES_SERVICE_HOST !== undefined,
    version,
  }),
  judgeAgent,
);

export function judgeAgent({ status, inPod, version }: AgentFacts): Finding[] {
  if (!status.ok) {
    const { message, hint, code } = status.error;
    if (inPod) {
      return [fail('agent-silent', message, 'See the log: kubectl logs of this pod, --previous.')];
    }
    return [warn(code === 'forbidden' ? 'forbidden' : 'agent-absent', message, hint)];
  }
  const said = status.value;
  const findings = [...captureFindings(said), ...sourceFindings(said), ...ruleFindings(said)];
  if (said.version !== version) {
    const what = `the agent is ${said.version}, this program ${version}`;
    findings.push(warn('other-version', what, 'Run the doctor of the version of the agent.'));
  }
  const rules = said.rules.loaded.length;
  const live = said.sources.filter((source) => source.status.state === 'live').length;
  const summary = `${said.mode}, ${rules} rules, ${live} of ${said.sources.length} sources live`;
  return findings.length > 0 ? findings : [ok(summary)];
}

function captureFindings({ captures, disk, mode, warnings }: AgentStatus): Finding[] {
  const findings = warnings.map((warning) =>
    warn('configuration', warning, 'Start the agent again to take it up.'),
  );
  if (mode === 'observe') {
    const what = 'mode: observe: rules decide and are told of, nothing is captured';
    const next = 'Set mode: enforce in stillpoint.yaml once what it would capture is right.';
    findings.push(warn('observes', what, next));
  }
  if (captures.paused) {
    findings.push(warn('paused', 'captures are paused', 'Run `stillpoint resume`.'));
  }
  if (captures.usedThisHour >= captures.perHourMax) {
    const what = `all ${captures.perHourMax} captures of this hour are used`;
    const next = 'Wait, raise limits.capturesPerHour, or give the rules longer cooldowns.';
    findings.push(warn('budget-used', what, next));
  }
  if (disk.problem !== undefined) {
    const what = `the agent cannot use ${disk.path}: ${disk.problem}`;
    findings.push(fail('archives-unusable', what, 'See the check checkpoints-directory.'));
  }
  return findings;
}

function sourceFindings({ sources }: AgentStatus): Finding[] {
  return sources.flatMap(({ name, status }) => {
    if (status.state === 'live') return [];
    const why = 'reason' in status ? `: ${status.reason}` : '';
    const what = `source ${name} is ${status.state}${why}`;
    const next = 'Rules that need it fire late or not at all; it goes on trying by itself.';
    return [warn('source-degraded', what, next)];
  });
}

function ruleFindings({ rules }: AgentStatus): Finding[] {
  const refused = rules.refused?.split('\n')[0];
  const findings = rules.warnings.map((warning) =>
    warn('rule-warning', warning, 'Configure what the rule needs, or take the rule away.'),
  );
  if (refused === undefined) return findings;
  const next = 'Correct the named lines: `stillpoint rules check` shows all of them.';
  return [fail('rules-refused', `the newest rules are not in force: ${refused}`, next)];
}
