/**
 * retention: the pure plan of what is kept and what is removed, each with its reasons, and the
 * sweep that carries it out. Touches only archives with a sound record, in the checkpoints
 * directory, never through a link; in doubt it removes nothing. It never makes room by other means.
 */
export {
  type KeepReasonCode,
  keepReasons,
  type PlannedKeep,
  type PlannedRemoval,
  type PlanReason,
  planRetention,
  type RemoveReasonCode,
  type RetentionItem,
  type RetentionPlan,
  removeReasons,
  type UnmetLimit,
} from './plan.ts';
export { type GroupKey, groupKeys, groupOf, type RetentionPolicy } from './policy.ts';
export {
  createRetention,
  type Retention,
  type RetentionOptions,
  type RetentionReport,
  type RunOptions,
  type RunReason,
  toItem,
} from './retention.ts';
export {
  type LoadedPolicies,
  POLICY_KIND,
  policiesFromDocuments,
  policyJsonSchema,
  policySchema,
} from './schema.ts';
export { carryOut, type HeldBackCode, heldBackReasons, type SweepResult } from './sweep.ts';
