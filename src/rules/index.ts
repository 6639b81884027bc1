/**
 * rules: the language (YAML to Rule), and the pure core that turns signals into decisions. No
 * I/O, no clock of its own, no knowledge of how a capture is done. Imports only
 * signal and base.
 */

export { usesWhere } from './check/index.ts';
export { compileLimits } from './compile/index.ts';
export { createRulesCore, type RulesCore, type RulesOptions } from './core.ts';
export type {
  CaptureSpec,
  CheckpointOptions,
  ConsistencyChoice,
  Decision,
  ImagesChoice,
  SequenceChoice,
  SignalSummary,
} from './decision.ts';
export { createDenyList, type DenyList, deniedNamespaces, denyReason } from './deny.ts';
export {
  type MemoryThreshold,
  memoryThresholdSteps,
  type ProbeWatch,
  probeWatchSteps,
  quietCounts,
  type ScheduleEntry,
  scheduleEntries,
} from './derive.ts';
export { type NodeMemoryThresholds, nodeMemoryThresholdSteps } from './derive-node-memory.ts';
export {
  type Answer,
  answerText,
  type ContainerExplanation,
  createWitness,
  type Explained,
  type ExplainQuery,
  explain,
  type PastDecision,
  type RuleExplanation,
  type Witness,
} from './explain/index.ts';
export { ruleFingerprint } from './fingerprint.ts';
export { ruleJsonSchema, ruleTestJsonSchema } from './json-schema.ts';
export type { GivenLimits, Limits } from './limits.ts';
export { type LoadedRules, type LoadOptions, rulesFromDocuments, rulesSteps } from './load.ts';
export { lostPodOf } from './lost-alert.ts';
export {
  compareFirings,
  createReplay,
  type Difference,
  type FiringChange,
  isFiring,
  type RecordedDecision,
  type RecordedRule,
  type RecordingEntry,
  type Replay,
  type ReplayResult,
  readEntry,
  type StateCause,
  type StateEntry,
  signalEntry,
  stateEntry,
} from './recording/index.ts';
export { createRedactor, type Redactor, secretFields } from './redact.ts';
export {
  type LabelExpression,
  REQUEST_RULE,
  type Rule,
  type RuleOf,
  type TargetSelector,
} from './rule.ts';
export { ruleIndexSteps } from './rule-index.ts';
export { alertShape, captureDefaults, ruleSchema } from './schema/index.ts';
export { limitDefaults } from './schema/limits.ts';
export { carryState } from './state/carry.ts';
export { noteFired, noteRefused } from './state/firings.ts';
export {
  keepOnlyPods,
  type RulesSnapshot,
  restoreState,
  saveState,
} from './state/snapshot.ts';
export { createRulesState, type RulesState } from './state/state.ts';
export { type StepResult, step } from './step.ts';
export {
  type FailedExpectation,
  type RanTest,
  type RuleTests,
  ruleTestsFromDocument,
} from './testing/index.ts';
export type { Trail, TrailPart } from './trail.ts';
export type { EventMatch, FieldMatch, SequenceStep, TextTest, When, WhenKind } from './when.ts';
export {
  prepareWhere,
  signalType,
  whereFunctions,
  whereKinds,
  whereTypes,
  whereVariables,
} from './where/index.ts';
