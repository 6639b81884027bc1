import type { Rule } from '../rules/index.ts';
import type { AlertShape } from '../signal/index.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';
import type { RuleSet } from './rule-set.ts';

/** `no-source`: rules that cannot fire on this node because nobody brings their signals. */
export function sourceWarnings(
  { rules }: RuleSet,
  config: AgentConfig,
  clients: Pick<Clients, 'node' | 'nats'>,
): string[] {
  const missing = ({ when }: Rule): string | undefined => {
    const { kind } = when;
    if (kind === 'memory' && !clients.node) {
      return `no cgroups are mounted at ${config.cgroupRoot}`;
    }
    if (kind === 'alert' && !clients.nats && config.http.alertsTokenFile === undefined) {
      return 'neither nats.servers nor http.alertsTokenFile is configured';
    }
    if (kind === 'alert' && !hasMap(config, when.shape)) {
      return `alerts.json has no map for the shape ${when.shape}`;
    }
    return undefined;
  };
  return rules.flatMap((rule: Rule) => {
    const why = missing(rule);
    return why === undefined ? [] : [`no-source: rule ${rule.id} (${rule.when.kind}): ${why}`];
  });
}

function hasMap({ alerts }: AgentConfig, shape: AlertShape): boolean {
  return !shape.startsWith('json/') || Object.hasOwn(alerts.json, shape.slice('json/'.length));
}
