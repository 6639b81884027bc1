import type { Clock, Logger, Random } from '../base/index.ts';
import {
  createEventsSource,
  createMemorySource,
  createNatsAlertsSource,
  createNodeMemorySource,
  createPodsSource,
  createProbesSource,
  createScheduleSource,
  createWebhookAlertsSource,
  type Emit,
  type MemorySource,
  type NodeMemorySource,
  type OnStatus,
  type ProbesSource,
  type ScheduleSource,
  type Source,
  type WebhookAlertsSource,
} from '../sources/index.ts';
import type { Store } from '../store/index.ts';
import { alertMaps, alertSubjects } from './alerts-config.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';

/** The sources of one agent. */
export interface Sources {
  pods: Source;
  /** Absent where there are no cgroups. */
  memory?: MemorySource;
  nodeMemory?: NodeMemorySource;
  schedule: ScheduleSource;
  probes: ProbesSource;
  /** Absent where nobody may post alerts. */
  webhook?: WebhookAlertsSource;
  all: readonly Source[];
  /**
   * Starts pods first and waits for their first list, at most `PODS_MS_MAX`: an Event or an alert
   * that comes before its pod is known finds no target.
   */
  start(): Promise<void>;
  /** Resolves when nothing of any source runs. */
  stop(): Promise<void>;
}

export interface SourcesOptions {
  config: AgentConfig;
  clients: Clients;
  store: Store;
  clock: Clock;
  random: Random;
  log: Logger;
  emit: Emit;
  onStatus: OnStatus;
  /** Whether captures of the rule wait or run. */
  isUnderWay(rule: string): boolean;
}

const PODS_MS_MAX = 5_000;
const LOOK_EVERY_MS = 20;

export function createSources(options: SourcesOptions): Sources {
  const { config, clients, clock } = options;
  const { api, kubelet, node, nats } = clients;
  const common = { ...options, nodeName: config.node };
  const maps = alertMaps(config.alerts);
  const pods = createPodsSource({ ...common, api });
  const events = createEventsSource({ ...common, api });
  const schedule = createScheduleSource(common);
  const probes = createProbesSource({ ...common, kubelet });
  const webhook =
    config.http.alertsTokenFile === undefined
      ? undefined
      : createWebhookAlertsSource({ ...common, maps });
  const memory = node ? createMemorySource({ ...common, cgroups: node.cgroups }) : undefined;
  const nodeMemory = node
    ? createNodeMemorySource({ ...common, cgroups: node.cgroups })
    : undefined;
  const alerts =
    nats && config.nats
      ? createNatsAlertsSource({
          ...common,
          connection: nats,
          subjects: alertSubjects(config.nats.subjects),
          maps,
        })
      : undefined;
  const all = [pods, events, schedule, probes, webhook, memory, nodeMemory, alerts].filter(
    (source): source is Source => source !== undefined,
  );
  return {
    pods,
    memory,
    nodeMemory,
    schedule,
    probes,
    webhook,
    all,
    async start() {
      await pods.start();
      const untilMs = clock.monotonicMs() + PODS_MS_MAX;
      while (pods.status().state === 'starting' && clock.monotonicMs() < untilMs) {
        await clock.sleep(LOOK_EVERY_MS);
      }
      await Promise.all(all.filter((source) => source !== pods).map((source) => source.start()));
    },
    async stop() {
      await Promise.all(all.map((source) => source.stop()));
    },
  };
}
