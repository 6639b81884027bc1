/**
 * agent: joins the parts of the street to the one process that runs on each node, and serves its
 * socket and its HTTP address. It owns the order of starting, stopping and recovering; every
 * decision is made in the part that it belongs to.
 */

export { alertSubjects } from './alerts-config.ts';
export type {
  AgentStatus,
  CaptureEnd,
  CaptureProgress,
  CaptureRequestBody,
  JoinedCapture,
  PruneItem,
  PruneReply,
  RecentTrigger,
} from './api-types.ts';
export { type Agent, type AgentOptions, startAgent } from './app.ts';
export { CANARY_POD_PREFIX } from './canary-archives.ts';
export { createNodeKubelet, findKubeletAddress } from './clients.ts';
export { type ConfigFlags, loadAgentConfig, parseAgentConfig } from './config.ts';
export type { AgentConfig } from './config-schema.ts';
export {
  type DocumentKind,
  documentKinds,
  documentSchema,
  rulesFileSchema,
} from './document-schemas.ts';
export type { Fact, FactOf, Facts } from './facts.ts';
export { formatMistakes, type LoadedRuleSet, loadRuleSets, type RuleSet } from './rule-set.ts';
