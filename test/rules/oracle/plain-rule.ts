/**
 * Rules as the tests write them, before any of the code under test has seen them: the oracle reads
 * these, the core gets the same as YAML through the whole loader.
 */
export interface PlainRule {
  name: string;
  namespace?: string;
  enabled: boolean;
  mode: 'enforce' | 'observe';
  when: PlainWhen;
  target: PlainTarget;
  cooldown?: { forMs: number; per: PlainScope };
  budget?: PlainBudget | 'none';
}

export const plainScopes = ['container', 'pod', 'owner', 'namespace', 'node', 'rule'] as const;
export type PlainScope = (typeof plainScopes)[number];

export interface PlainBudget {
  count: number;
  withinMs: number;
  per: PlainScope;
}

export type PlainWhen =
  | {
      kind: 'memory';
      abovePercent: number;
      forMs: number;
      filling?: { withinMs: number; floorPercent: number };
      belowPercent?: number;
    }
  | { kind: 'nodeMemory'; below: PlainAmount; above?: PlainAmount; forMs: number }
  | {
      kind: 'event';
      reasons: readonly string[];
      type?: 'Normal' | 'Warning';
      contains?: string;
      atLeast: number;
      withinMs: number;
    }
  | { kind: 'crashLoop'; restarts: number; withinMs: number; afterMs: number }
  | { kind: 'probe'; type: 'liveness' | 'readiness' | 'startup'; failures: number }
  | { kind: 'terminating'; causes: readonly string[]; reservePercent: number }
  | { kind: 'alert'; shape: 'falco' | 'alertmanager'; match: readonly PlainTest[] }
  | { kind: 'schedule' };

/** A share of the node's capacity, or a size. */
export type PlainAmount = { percent: number } | { mib: number };

export type WhenOf<K extends PlainWhen['kind']> = Extract<PlainWhen, { kind: K }>;

/** A condition on a field; `beginsWith` is written as a glob. */
export interface PlainTest {
  field: string;
  equals?: string | number;
  in?: readonly (string | number)[];
  beginsWith?: string;
  exists?: boolean;
}

export interface PlainSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly {
    key: string;
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    values?: readonly string[];
  }[];
}

/** `spec.target`, key by key. A name may end in `*`; no other glob is used. */
export interface PlainTarget {
  namespaces?: readonly string[];
  podSelector?: PlainSelector;
  owner?: { kind: string; name: string };
  containers?: readonly string[];
  containerTypes?: readonly ('app' | 'sidecar' | 'init' | 'ephemeral')[];
  exclude?: {
    namespaces?: readonly string[];
    podSelector?: PlainSelector;
    owner?: { kind: string; name: string };
    containers?: readonly string[];
  };
}

export function idOf({ namespace, name }: PlainRule): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The rules as `spec` texts by id, for `rulesOf`. JSON is YAML. */
export function specsOf(rules: readonly PlainRule[]): Record<string, string> {
  return Object.fromEntries(rules.map((rule) => [idOf(rule), JSON.stringify(specOf(rule))]));
}

function specOf({ enabled, mode, when, target, cooldown, budget }: PlainRule) {
  const limits = {
    ...(cooldown && { cooldown: { for: `${cooldown.forMs}ms`, per: cooldown.per } }),
    ...(budget !== undefined && { budget: writtenBudget(budget) }),
  };
  return { enabled, mode, when: { [keyOf(when)]: writtenWhen(when) }, target, limits };
}

function writtenBudget(budget: PlainBudget | 'none') {
  if (budget === 'none') return budget;
  return { count: budget.count, within: `${budget.withinMs}ms`, per: budget.per };
}

function keyOf({ kind }: PlainWhen): string {
  return kind === 'nodeMemory' ? 'memory' : kind;
}

function written(amount: PlainAmount): string {
  return 'mib' in amount ? `${amount.mib}Mi` : `${amount.percent}%`;
}

function writtenWhen(when: PlainWhen): object {
  switch (when.kind) {
    case 'memory':
      return {
        above: `${when.abovePercent}%`,
        for: `${when.forMs}ms`,
        ...(when.filling && {
          orFullWithin: `${when.filling.withinMs}ms`,
          floor: `${when.filling.floorPercent}%`,
        }),
        ...(when.belowPercent !== undefined && {
          again: 'afterBelow',
          below: `${when.belowPercent}%`,
        }),
      };
    case 'nodeMemory':
      return {
        of: 'node',
        availableBelow: written(when.below),
        ...(when.above && { availableAbove: written(when.above) }),
        for: `${when.forMs}ms`,
      };
    case 'event': {
      const { reasons: reason, type, contains, atLeast, withinMs } = when;
      const message = contains === undefined ? undefined : { contains };
      return { reason, type, message, atLeast, within: `${withinMs}ms` };
    }
    case 'crashLoop': {
      const { restarts, withinMs, afterMs } = when;
      return { restarts, within: `${withinMs}ms`, capture: { after: `${afterMs}ms` } };
    }
    case 'probe':
      return { type: when.type, failures: when.failures };
    case 'terminating':
      return { causes: when.causes, reserve: `${when.reservePercent}%` };
    case 'alert':
      return { shape: when.shape, match: when.match.map(writtenTest) };
    case 'schedule':
      return { cron: '0 * * * *' };
  }
}

function writtenTest({ beginsWith, ...test }: PlainTest) {
  return beginsWith === undefined ? test : { ...test, glob: `${beginsWith}*` };
}
