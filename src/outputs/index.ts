/**
 * outputs: tells the world outside what was decided and how it ended: metrics, Kubernetes Events
 * on the pod, outcomes on NATS, the log. It decides nothing, holds nothing up, and counts what it
 * could not tell.
 */
export { createFactLog } from './fact-log.ts';
export { createKubeEvents, type KubeEventsOptions } from './kube-events.ts';
export { type AgentLevels, createMetrics, type Metrics, type Watched } from './metrics.ts';
export { createNatsOutcomes, type NatsOutcomesOptions } from './nats-outcomes.ts';
export { decisionText, oneLine, outcomeText, reasonText, targetOf } from './outcome-text.ts';
export type { Output, TriggerOutcome } from './output.ts';
