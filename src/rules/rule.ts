import type { ContainerType } from '../signal/index.ts';
import type { CaptureSpec } from './decision.ts';
import type { GivenLimits } from './limits.ts';
import type { When, WhenKind } from './when.ts';
import type { Where } from './where/index.ts';

/** The id of the built-in rule behind a person's request; no file may define it. */
export const REQUEST_RULE = 'request';

/** A `CheckpointRule` after parsing: checked, defaults filled in, durations in ms, frozen. */
export interface Rule {
  /** metadata.name, or `namespace/name` for a rule in a namespace, which reaches only that one. */
  id: string;
  namespace?: string;
  description: string;
  /** A rule that is not decides nothing. */
  enabled: boolean;
  /** Of two captures that wait the higher goes first. */
  priority: number;
  mode: 'enforce' | 'observe';
  when: When;
  target: TargetSelector;
  /** Must hold too, for the signal and its target. */
  where?: Where;
  capture: CaptureSpec;
  limits: GivenLimits;
  retainClass: string;
  /** Where it was written, for messages. */
  origin: { file: string; line: number };
}

/** A rule whose condition is of kind K. */
export type RuleOf<K extends WhenKind> = Rule & { when: Extract<Rule['when'], { kind: K }> };

/** All parts that are given must hold, and nothing of `exclude` may. */
export interface TargetSelector extends LabelSelector {
  /** Globs; empty = every namespace that the rule may reach. */
  namespaces: readonly string[];
  owner?: OwnerSelector;
  /** Globs on container names; empty = all of `containerTypes`. */
  containers: readonly string[];
  /** Left out: any type where names are given, else app containers and sidecars. */
  containerTypes?: readonly ContainerType[];
  exclude?: Exclusion;
}

/** What a rule does not reach: whatever fits one of the parts that are given. */
export interface Exclusion {
  namespaces: readonly string[];
  labels?: LabelSelector;
  owner?: OwnerSelector;
  containers: readonly string[];
}

/** Kubernetes' label selector; empty = every pod. */
export interface LabelSelector {
  matchLabels: Readonly<Record<string, string>>;
  matchExpressions: readonly LabelExpression[];
}

/** The direct owner of a pod, or who stands behind it. */
export interface OwnerSelector {
  /** As Kubernetes writes it; `Pod` is a pod without an owner. */
  kind: string;
  /** Glob. */
  name: string;
}

export interface LabelExpression {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: readonly string[];
}
