import type { CaptureSpec } from './decision.ts';
import type { When, WhenKind } from './when.ts';

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

/** A rule whose condition is of kind K. */
export type RuleOf<K extends WhenKind> = Rule & { when: Extract<Rule['when'], { kind: K }> };

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
