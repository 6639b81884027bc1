/**
 * sources: each one turns a part of the outside world into signals. A source judges nothing: what
 * it needs from the right of the street (thresholds, cron lines) is handed to it as plain data.
 */
export {
  type AlertBody,
  type AlertMaps,
  type AlertNodeLookup,
  createAlertNodeLookup,
  createAlertParsers,
  createNatsAlertsSource,
  createWebhookAlertsSource,
  type NatsAlertsOptions,
  WEBHOOK_BYTES_MAX,
  type WebhookAlertsSource,
} from './alerts/index.ts';
export { createEventsSource, type EventsSourceOptions } from './events/index.ts';
export {
  createMemorySource,
  type MemorySource,
  type MemorySourceOptions,
  type MemoryWatch,
} from './memory/index.ts';
export {
  createNodeMemorySource,
  type NodeMemorySource,
  type NodeMemorySourceOptions,
  type NodeMemoryWatch,
  type PodContainer,
} from './node-memory/index.ts';
export { createPodsSource, type PodsSourceOptions, podFactFromApi } from './pods/index.ts';
export {
  createProbesSource,
  type ProbesSource,
  type ProbesSourceOptions,
  type ProbeWatch,
} from './probes/index.ts';
export {
  createScheduleSource,
  type ScheduleEntry,
  type ScheduleSource,
  type ScheduleSourceOptions,
} from './schedule/index.ts';
export type { Emit, OnStatus, Source, SourceStatus } from './source.ts';
