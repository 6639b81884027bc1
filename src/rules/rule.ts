import type { CaptureSpec } from './decision.ts';

/** A `CheckpointRule` after parsing: checked, defaults filled in, durations in ms, frozen. */
export interface Rule {
  /** metadata.name, or `namespace/name` for a rule in a namespace, which reaches only that one. */
  id: string;
  namespace?: string;
  description: string;
  mode: 'enforce' | 'observe';
  when: When;
  target: TargetSelector;
  capture: CaptureSpec;
  limits: { cooldownMs: number };
  retainClass: string;
  /** Where it was written, for messages. */
  origin: { file: string; line: number };
}

/** Exactly one condition kind a rule. */
export type When =
  | { kind: 'memory'; above: number; forMs: number }
  | { kind: 'event'; match: EventMatch; atLeast: number; withinMs: number }
  | { kind: 'crashLoop'; restarts: number; withinMs: number; captureAfterMs: number }
  | { kind: 'alert'; shape: 'falco'; match: readonly FieldMatch[] }
  | { kind: 'schedule'; cron: string; timeZone: string };

export type WhenKind = When['kind'];

/** A rule whose condition is of kind K. */
export type RuleOf<K extends WhenKind> = Rule & { when: Extract<Rule['when'], { kind: K }> };

/** All parts that are present must hold. */
export interface EventMatch {
  reason: readonly string[];
  type?: 'Normal' | 'Warning';
  message?: TextTest;
}

/** A test of one text; `matches` was compiled at load from equals, in, glob, RE2 or exists. */
export interface TextTest {
  /** As written, for `explain` and messages. */
  text: string;
  matches(value: string): boolean;
}

/** A condition on one field of an alert. */
export interface FieldMatch {
  field: string;
  text: string;
  matches(value: unknown): boolean;
}

export interface TargetSelector {
  /** Globs; empty = every namespace that the rule may reach. */
  namespaces: readonly string[];
  matchLabels: Readonly<Record<string, string>>;
  matchExpressions: readonly LabelExpression[];
  /** Globs on container names; empty = all app and sidecar containers. */
  containers: readonly string[];
}

export interface LabelExpression {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: readonly string[];
}
