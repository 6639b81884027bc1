import type { NodeProbe } from '../node/index.ts';
import type { Rule, SequenceStep, When } from '../rules/index.ts';
import type { AlertShape } from '../signal/index.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';
import type { RuleSet } from './rule-set.ts';

/** Rules that cannot fire on this node because nobody brings their signals: rule id to why. */
export function missingSources(
  { rules }: RuleSet,
  config: AgentConfig,
  clients: Pick<Clients, 'node' | 'nats'>,
): Map<string, string> {
  const missingOf = (when: When | SequenceStep): string | undefined => {
    const { kind } = when;
    if ((kind === 'memory' || kind === 'nodeMemory') && !clients.node) {
      return `no cgroups are mounted at ${config.cgroupRoot}`;
    }
    if (kind === 'nodeMemory' && clients.node && !canReadNode(clients.node)) {
      return `the memory of the node cannot be read below ${config.cgroupRoot} and ${config.procRoot}`;
    }
    if (kind === 'alert' && !clients.nats && config.http.alertsTokenFile === undefined) {
      return 'neither nats.servers nor http.alertsTokenFile is configured';
    }
    if (kind === 'alert' && !hasMap(config, when.shape)) {
      return `alerts.json has no map for the shape ${when.shape}`;
    }
    return undefined;
  };
  const missing = ({ when }: Rule): string | undefined => {
    if (when.kind !== 'sequence') return missingOf(when);
    // Without one of its steps it is never whole.
    return when.steps.map(missingOf).find((why) => why !== undefined);
  };
  return new Map(
    rules.flatMap((rule: Rule) => {
      const why = missing(rule);
      return why === undefined ? [] : [[rule.id, why] as const];
    }),
  );
}

function canReadNode({ cgroups }: NodeProbe): boolean {
  const files = cgroups.openNodeMemory();
  const read = files.read();
  files.close();
  return typeof read !== 'string';
}

/** The same as warnings, with the code `no-source`. */
export function sourceWarnings(
  set: RuleSet,
  config: AgentConfig,
  clients: Pick<Clients, 'node' | 'nats'>,
): string[] {
  const missing = missingSources(set, config, clients);
  return set.rules.flatMap(({ id, when }) => {
    const why = missing.get(id);
    return why === undefined ? [] : [`no-source: rule ${id} (${when.kind}): ${why}`];
  });
}

function hasMap({ alerts }: AgentConfig, shape: AlertShape): boolean {
  return !shape.startsWith('json/') || Object.hasOwn(alerts.json, shape.slice('json/'.length));
}
