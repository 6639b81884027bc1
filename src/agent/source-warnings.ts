import type { Rule, WhenKind } from '../rules/index.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';
import type { RuleSet } from './rule-set.ts';

/** `no-source`: rules that cannot fire on this node because nobody brings their signals. */
export function sourceWarnings(
  { rules }: RuleSet,
  config: AgentConfig,
  clients: Pick<Clients, 'node' | 'nats'>,
): string[] {
  const missing = (kind: WhenKind): string | undefined => {
    if (kind === 'memory' && !clients.node) {
      return `no cgroups are mounted at ${config.cgroupRoot}`;
    }
    if (kind === 'alert' && !clients.nats && config.http.alertsTokenFile === undefined) {
      return 'neither nats.servers nor http.alertsTokenFile is configured';
    }
    return undefined;
  };
  return rules.flatMap((rule: Rule) => {
    const why = missing(rule.when.kind);
    return why === undefined ? [] : [`no-source: rule ${rule.id} (${rule.when.kind}): ${why}`];
  });
}
