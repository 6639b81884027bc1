/**
 * rules: the language (YAML to Rule), and the pure core that turns signals into decisions. No
 * I/O but for load, no clock of its own, no knowledge of how a capture is done. Imports only
 * signal and base.
 */
export type { CaptureSpec, Decision, SignalSummary } from './decision.ts';
export type {
  EventMatch,
  FieldMatch,
  LabelExpression,
  Rule,
  TargetSelector,
  TextTest,
  When,
  WhenKind,
} from './rule.ts';
export { signalKindOfWhen } from './rule.ts';
