import { describe, expect, it } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/config.ts';
import type { AgentConfig } from '../../src/agent/config-schema.ts';
import { sourceWarnings } from '../../src/agent/source-warnings.ts';
import type { NatsConnection } from '../../src/nats/index.ts';
import type { MemoryReadFailure, NodeMemory, NodeProbe } from '../../src/node/index.ts';
import { rulesOf } from '../rules/support/bench.ts';

const rules = rulesOf({
  leak: 'when: { memory: { above: 80% } }\ntarget: {}',
  shell: 'when: { alert: { shape: falco, match: [{ field: rule, glob: "*" }] } }\ntarget: {}',
  live: 'when: { event: { reason: Unhealthy } }\ntarget: {}',
  loop: 'when: { crashLoop: { restarts: 2, within: 1m, capture: { after: 1s } } }\ntarget: {}',
  siem: 'when: { alert: { shape: json/siem, match: [{ field: a, exists: true }] } }\ntarget: {}',
  chain:
    'when: { sequence: { within: 1m, steps: [{ event: { reason: Unhealthy } }, { memory: { above: 80% } }] } }\ntarget: {}',
  node: 'when: { memory: { of: node, availableBelow: 10% } }\ntarget: {}',
  nightly: 'when: { schedule: { cron: "0 2 * * *" } }\ntarget: {}',
});
const set = { rules, policies: [], warnings: [] };
const nodeThatReads = (read: NodeMemory | MemoryReadFailure) =>
  ({
    cgroups: { openNodeMemory: () => ({ read: () => read, close: () => undefined }) },
  }) as unknown as NodeProbe;
const node = nodeThatReads({ availableBytes: 1, capacityBytes: 2 });
const nats = {} as NatsConnection;

describe('rules without a source', () => {
  it.each<
    [string, { node?: NodeProbe; nats?: NatsConnection }, Partial<AgentConfig['http']>, RegExp[]]
  >([
    ['have nothing to warn of where all is there', { node, nats }, {}, []],
    ['that wait for alerts are served by the webhook too', { node }, { alertsTokenFile: '/t' }, []],
    [
      'that wait for alerts name both doors',
      { node },
      {},
      [/rule shell .*nats.*alertsTokenFile/, /rule siem/],
    ],
    [
      'that wait for memory name the missing cgroups',
      { nats },
      {},
      [
        /rule leak .*\/sys\/fs\/cgroup/,
        /rule chain .*\/sys\/fs\/cgroup/,
        /rule node .*\/sys\/fs\/cgroup/,
      ],
    ],
    [
      'that wait for the memory of the node say that it cannot be read',
      { nats, node: nodeThatReads('gone') },
      {},
      [/rule node .*the memory of the node cannot be read below \/sys\/fs\/cgroup/],
    ],
    ['are all named', {}, {}, [/leak/, /shell/, /siem/, /chain/, /node/]],
  ])('%s', async (_, clients, http, expected) => {
    const config = await loadAgentConfig({}, {});
    const json = { siem: { fields: { pod: 'pod' } } };
    const alerts = { ...config.alerts, json };
    const given = { ...config, alerts, http: { ...config.http, ...http } };
    const warnings = sourceWarnings(set, given, clients);
    expect(warnings).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
    for (const warning of warnings) expect(warning).toMatch(/^no-source: /);
  });

  it('that wait for a shape nobody has a map for name it', async () => {
    const config = await loadAgentConfig({}, {});
    expect(sourceWarnings(set, config, { node, nats })).toEqual([
      'no-source: rule siem (alert): alerts.json has no map for the shape json/siem',
    ]);
  });
});
