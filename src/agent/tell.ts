import type { Clock, Logger, Random } from '../base/index.ts';
import {
  createFactLog,
  createKubeEvents,
  createMetrics,
  createNatsOutcomes,
  type Metrics,
  type Output,
} from '../outputs/index.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';
import type { Fact, Facts } from './facts.ts';

export interface TellOptions {
  config: AgentConfig;
  clients: Clients;
  facts: Facts;
  version: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** The outputs, listening to the facts. */
export interface Tell {
  metrics: Metrics;
  outputs: readonly Output[];
  stop(): Promise<void>;
}

export async function createTell(options: TellOptions): Promise<Tell> {
  const { config, clients, facts, version, clock, log } = options;
  const { node } = config;
  const metrics = await createMetrics(version);
  const outputs: Output[] = [
    metrics,
    createFactLog(log, clock),
    createKubeEvents({ ...options, api: clients.api, node }),
  ];
  if (clients.nats && config.nats?.outcomes) {
    outputs.push(createNatsOutcomes({ ...options, connection: clients.nats, node }));
  }
  for (const output of outputs) {
    metrics.watch({ name: output.name, dropped: () => output.dropped() });
  }
  const stopListening = facts.listen((fact) => {
    hear(fact, metrics, outputs, log);
  });
  return {
    metrics,
    outputs,
    async stop() {
      stopListening();
      await Promise.all(outputs.map((output) => output.stop()));
    },
  };
}

function hear(fact: Fact, metrics: Metrics, outputs: readonly Output[], log: Logger): void {
  switch (fact.kind) {
    case 'signal':
      metrics.signalSeen(fact.signal.kind);
      return;
    case 'decision':
      for (const output of outputs) output.decided(fact.decision);
      return;
    case 'capture-ended':
      metrics.captured(fact.outcome);
      return;
    case 'ended':
      for (const output of outputs) output.ended(fact.outcome);
      return;
    case 'swept':
      for (const result of fact.report.results) {
        if (result.kind === 'removed') metrics.removed(result.policy, result.bytes);
      }
      return;
    case 'source':
      log[fact.status.state === 'degraded' ? 'warn' : 'info']('source', {
        source: fact.source,
        ...fact.status,
      });
      return;
    case 'rules-loaded':
      log.info('rules-loaded', { rules: fact.rules, policies: fact.policies });
      for (const warning of fact.warnings) log.warn('rule-warning', { warning });
      return;
    case 'rules-refused':
      metrics.rulesRefused();
      log.error('rules-refused', { mistakes: fact.mistakes, message: fact.message });
      return;
    default:
      return;
  }
}
